"""params.yaml as a file: what is no YAML, and a stage's own entry."""

import pytest

from tests.params.conftest import SOUND
from tinybert.errors import UserError
from tinybert.params.experiment import find_mistakes, load_experiment
from tinybert.params.general import General
from tinybert.params.table import load_entry, load_run


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", "expected a mapping of keys, found an empty file; take a preset"),
        (b"- seed: 1", "expected a mapping of keys, found [{'seed': 1}]"),
        (b"seed: 1\nname: [a\n", "line 3, column 1: not valid YAML: expected ',' or ']'"),
        (b"seed: 1\nseed: 2\n", 'line 2, column 1: not valid YAML: found duplicate key "seed"'),
        (
            b"seed: 1\n\tname: a\n",
            "line 2, column 1: not valid YAML: found character '\\t' that cannot start any token; ind",
        ),
        (b"name: !!python/object/apply:os.system [x]\n", "line 1, column 7: not valid YAML: could not determine"),
        (b"name: caf\xe9\n", "not UTF-8 (byte 9); save it as UTF-8"),
        (b"day: 2020-13-45\n", "not valid YAML: month must be in 1..12"),
        (None, "there is no such file"),
    ],
)
def test_what_is_no_yaml(tmp_path, content, line):
    file = tmp_path / "params.yaml"
    if content is not None:
        file.write_bytes(content)
    (found,) = find_mistakes(file)
    assert found.startswith(f"{file}: {line}")
    assert "\n" not in found
    with pytest.raises(UserError, match=r"params\.yaml: "):
        load_run(file)


def test_a_stage_reads_its_own_entry_only(tmp_path):
    file = tmp_path / "params.yaml"
    file.write_text(SOUND + "  broken: {task: nowhere}\n")
    assert load_entry(file, "general", "tinybert4", General).layer_map == [1, 2, 4, 6]
    assert load_run(file).seed == 42
    with pytest.raises(UserError, match=r"general.tinybert: there is no such entry \(did you mean 'tinybert4'\?"):
        load_entry(file, "general", "tinybert", General)
    with pytest.raises(UserError, match=r"students.broken.general: this key is missing"):
        load_experiment(file)
