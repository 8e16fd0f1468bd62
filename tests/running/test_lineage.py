"""A lineage names everything that a model was made of, by content."""

import torch

from tinybert.running.digests import digest
from tinybert.running.lineage import read_lineage, write_lineage


def folder(path, **files):
    path.mkdir()
    for name, content in files.items():
        (path / name).write_text(content)
    return path


def test_a_folders_digest_is_that_of_names_and_contents(tmp_path):
    one = folder(tmp_path / "one", a="1", b="2")
    assert digest(one) == digest(folder(tmp_path / "other", b="2", a="1"))
    assert digest(one) != digest(folder(tmp_path / "renamed", a="1", c="2"))
    assert digest(one) != digest(folder(tmp_path / "changed", a="1", b="3"))
    before = digest(one)
    (one / ".DS_Store").touch()
    assert digest(one) == before


def test_the_last_model_carries_the_whole_tree(tmp_path):
    corpus, teacher, student = (folder(tmp_path / name, data=name) for name in ("corpus", "teacher", "student"))
    assert read_lineage(corpus) == {}
    write_lineage(teacher, "finetune-teacher@a", {"epochs": 1}, {"corpus": corpus}, {})
    write_lineage(student, "prediction-distill@b", {"epochs": 2}, {"teacher": teacher}, {"examples": 7})
    lineage = read_lineage(student)
    assert (lineage["stage"], lineage["facts"]) == ("prediction-distill@b", {"examples": 7})
    assert lineage["libraries"]["torch"] == torch.__version__.partition("+")[0]
    assert lineage["inputs"]["teacher"]["sha256"] == digest(teacher)
    assert lineage["inputs"]["teacher"]["lineage"]["inputs"]["corpus"]["sha256"] == digest(corpus)
    assert lineage["inputs"]["teacher"]["lineage"]["params"] == {"epochs": 1}


def test_the_same_bytes_again(tmp_path):
    inputs = {"b": folder(tmp_path / "b", x="1"), "a": folder(tmp_path / "a", x="2")}
    models = [folder(tmp_path / name) for name in ("m", "n")]
    write_lineage(models[0], "s@k", {"y": 1, "x": 2}, inputs, {})
    write_lineage(models[1], "s@k", {"x": 2, "y": 1}, dict(reversed(inputs.items())), {})
    assert (models[0] / "lineage.json").read_bytes() == (models[1] / "lineage.json").read_bytes()
