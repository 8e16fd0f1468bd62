"""params.yaml as people edit it: a sound one with other keys and values, or broken text; lines, or an experiment."""

import copy
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import example, given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from tests.fuzz.files import SECONDS, broken, seconds_of, seconds_to_read, texts
from tests.params.conftest import SOUND
from tinybert.errors import UserError
from tinybert.params.experiment import find_mistakes, load_experiment
from tinybert.params.table import find_entry

CONTENT = YAML(typ="safe").load(SOUND)
LONG = "0x" + "f" * 5000
"""A number that Python doesn't write in decimals."""
LAUGHS = "[&a [x, x], " + ", ".join(f"&{b} [{', '.join([f'*{a}'] * 9)}]" for a, b in pairwise("abcdefghi")) + "]"
"""A bomb of YAML's own."""
WORDS = (
    "", "~", "yes", "1e-4", "-1", "0", "1_000", "0o17", LONG, LAUGHS, "9" * 5000, ".inf", "-.inf", ".nan", "2001-01-01",
    "[]", "{}", "[a, b]", "{a: b}", "'a'", '"\\0"', '"\\ud800"', "&a [*a]", "&a {a: *a}", "*a", "!!binary aGk=",
    "!!binary x", "!!set {a}", "!!python/object:os.system x", "!x y", "? a", "? [a]\n: b", "|\n  a\n  b", "<<: {a: b}",
    "2001-01-01T00:00:00Z", "2001-99-99", "!!float x", "!!int x", "!!bool x", "!!timestamp x", "!!omap [a: b]",
    "%YAML 1.1\n---", "---\n---", "\t", "1:30", "!!null x", "a.b", "../x", "x" * 3000, "[" * 300, "{a: " * 300,
    "- " * 300, "\ufeff", "\x85",
)  # fmt: skip


def places(content, above=()):
    """The dotted paths of all values in mappings, as tuples."""
    for key, value in content.items() if isinstance(content, dict) else ():
        yield (*above, key)
        yield from places(value, (*above, key))


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts | st.dates() | st.binary(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts | st.integers() | st.none(), inner, max_size=3),
    max_leaves=4,
)
near = st.sampled_from(["classification", "regression", "span", "multilabel", "original", "minilm", 0, 1, 0.5, 10**12])


@st.composite
def edited(draw):
    """The content with a few values changed, and keys that aren't known or missing."""
    content = copy.deepcopy(CONTENT)
    for _ in range(draw(st.integers(1, 3))):
        *above, last = draw(st.sampled_from([*places(content)]))
        place = content
        for key in above:
            place = place[key]
        match draw(st.sampled_from(["remove", "change", "add"])):
            case "remove":
                del place[last]
            case "change":
                place[last] = draw(near | values)
            case "add":
                place[draw(texts)] = draw(near | values)
        if not [*places(content)]:
            break
    return content


def find(file):
    lines = list(find_mistakes(file))
    assert all(len(line.splitlines()) == 1 and len(line) < 5000 for line in lines), lines
    if not lines:
        load_experiment(file)
    with suppress(UserError):
        find_entry(file, "tasks", "movies\n")


@given(edited())
def test_other_values(content):
    with TemporaryDirectory() as folder:
        file = Path(folder, "params.yaml")
        with file.open("w", encoding="utf-8", errors="replace") as stream:
            YAML(typ="safe").dump(content, stream)
        assert seconds_of(lambda: find(file)) < SECONDS


@st.composite
def replaced(draw):
    """The text with what stands behind a colon in another form."""
    lines = SOUND.splitlines()
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(lines) - 1))
        start, colon, rest = lines[at].partition(": ") if draw(st.booleans()) else lines[at].rpartition(": ")
        word = draw(st.sampled_from(WORDS) | texts)
        lines[at] = f"{start}{colon}{word}" + draw(st.sampled_from(["", rest, ", " + rest, "}", "\n" + lines[at]]))
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def changed(old, new):
    return SOUND.replace(old, new).encode()


@given(replaced() | broken(replaced()) | broken(st.just(SOUND.encode())) | st.sampled_from(WORDS).map(str.encode))
@example(LONG.encode())
@example(LAUGHS.encode())
@example(changed("name: default", "name: !!bool x"))
@example(changed("precision: auto", "tasks: 1\nprecision: auto"))
@example(changed("seed: 42", f"seed: {LONG}"))
@example(changed("drop: [0, NA]", f"drop: [{LONG}, NA]"))
@example(changed("drop: [0, NA]", f"drop: {LAUGHS}"))
@example(changed("columns: [id, rating, text]", f"columns: {LONG}"))
@example(changed("columns: [id, rating, text]", f"columns: {LAUGHS}"))
def test_other_text(content):
    assert seconds_to_read("params.yaml", content, find) < SECONDS
