"""params.yaml as people edit it: a sound one with keys and values changed, or its text broken; lines, or an experiment."""

import copy

from hypothesis import example, given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from tests.fuzz.files import broken, ends_well, reads, texts
from tests.params.conftest import SOUND
from tinybert.errors import UserError
from tinybert.params.experiment import find_mistakes, load_experiment
from tinybert.params.table import find_entry

CONTENT = YAML(typ="safe").load(SOUND)
WORDS = ["", "~", "yes", "1e-4", "-1", "0", "1_000", "0o17", "0x" + "f" * 5000, "9" * 5000, ".inf", "-.inf", ".nan", "2001-01-01",
         "[]", "{}", "[a, b]", "{a: b}", "'a'", '"\\0"', '"\\ud800"', "&a [*a]", "&a {a: *a}", "*a", "!!binary aGk=", "!!set {a}", "!!python/object:os.system x",
         "!x y", "? a", "? [a]\n: b", "|\n  a\n  b", "<<: {a: b}", "2001-01-01T00:00:00Z", "!!float x", "!!int x", "!!timestamp x", "!!omap [a: b]",
         "%YAML 1.1\n---", "---\n---", "\t", "1:30", "!!null x", "a.b", "../x", "x" * 3000, "[" * 300, "{a: " * 300, "- " * 300]  # fmt: skip


def paths(content, above=()):
    for key, value in content.items() if isinstance(content, dict) else enumerate(content):
        yield (*above, key)
        if isinstance(value, dict | list):
            yield from paths(value, (*above, key))


PATHS = list(paths(CONTENT))
any_value = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | texts
    | st.dates()
    | st.binary(max_size=4)
    | st.just(10**5000),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(texts | st.integers() | st.none() | st.booleans(), inner, max_size=3)
    ),
    max_leaves=4,
)
near = st.sampled_from(
    [
        value
        for value in (
            "classification",
            "regression",
            "span",
            "multilabel",
            "original",
            "minilm",
            "table",
            0,
            1,
            0.5,
            1e-4,
            10**12,
        )
    ]
)


@st.composite
def edited(draw):
    """The content with a few values in others' places, or keys that aren't known or missing."""
    content = copy.deepcopy(CONTENT)
    for _ in range(draw(st.integers(1, 3))):
        *above, last = draw(st.sampled_from(PATHS))
        place = content
        for key in above:
            place = (
                place[key]
                if (isinstance(place, dict) and key in place) or (isinstance(place, list) and len(place) > key)
                else {}
            )
        if isinstance(place, dict):
            if draw(st.booleans()):
                place.pop(last, None)
            else:
                place[draw(texts | st.just(last))] = draw(near | any_value)
    return content


def find(file):
    lines = list(find_mistakes(file))
    assert all(len(line.splitlines()) == 1 and len(line) < 5000 for line in lines), lines
    if not lines:
        load_experiment(file)
    for table in ("tasks", "general", "downloads"):
        for key in ("movies", "x\n"):
            try:
                find_entry(file, table, key)
            except UserError as error:
                assert len(str(error).splitlines()) == 1
    return lines


@given(edited())
def test_other_values(content):
    from pathlib import Path
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        file = Path(folder, "params.yaml")
        try:
            with file.open("w", encoding="utf-8") as stream:
                YAML(typ="safe").dump(content, stream)
        except Exception:
            return  # no text is this
        ends_well(lambda: find(file))


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


@given(replaced() | broken(replaced()) | broken(st.just(SOUND.encode())) | st.sampled_from(WORDS).map(str.encode))
@example(b"a: 0x" + b"f" * 5000)
def test_other_text(content):
    reads("params.yaml", content, find)
