"""Your own models, vectors and corpora are looked at before any stage has run, and again only when they changed."""

from __future__ import annotations

from pathlib import Path

import pytest
from transformers import BertConfig, BertModel

from tests.tiny import tiny_tokenizer
from tinybert.models.loading import head_config, load_classifier


def test_a_fine_tuned_teachers_classes_are_compared_with_the_tables(mistakes):
    def save(names):
        load_classifier(Path("smoke/bert"), new_head=head_config(names)).save_pretrained("smoke/bert")

    save(["Good", "bad"])
    assert mistakes(("epochs: 4,", "epochs: 0,")) == []
    save(["dry", "wet"])
    (line,) = mistakes((", names: [bad, good]", ""))  # named by the table alone
    assert line.startswith("tasks.weather.teacher: smoke/bert: its outputs are dry, wet, the data's class")


@pytest.mark.parametrize(
    ("file", "content", "expected"),
    [
        ("bert/model.safetensors", None, "files.bert: smoke/bert: a model needs model.safetensors, found config.json"),
        ("bert/model.safetensors", b"?", "files.bert: smoke/bert/model.safetensors: not a whole safetensors file"),
        ("bert/config.json", b'{"model_type": "bart!"}', "files.bert: smoke/bert: no model that can be read"),
        ("vectors.txt", b"the 0.5 1.0\nwet 0.5\n", "files.vectors: smoke/vectors.txt: line 2: expected a word and 2"),
        ("corpus.txt", b"a caf\xe9 in the rain\n", "files.corpus: smoke/corpus.txt: line 1, byte 5: not UTF-8"),
    ],
)
def test_files_of_ones_own_are_read_before_a_run(mistakes, file, content, expected):
    (Path("smoke") / file).unlink()
    if content is not None:
        (Path("smoke") / file).write_bytes(content)
    (line,) = mistakes()
    assert line.startswith(expected)


def test_what_was_looked_at_is_looked_at_again_only_when_it_changed(mistakes, monkeypatch):
    assert mistakes() == []
    looked = []
    monkeypatch.setattr("tinybert.check.own_files._look_at", lambda file, task: looked.append(file.path) or (None, {}))
    assert mistakes(("epochs: 4,", "epochs: 3,")) == []
    assert looked == []
    with Path("smoke/weather.csv").open("a") as table:
        table.write("a new one,good\n")
    mistakes()
    mistakes(("text: [text]", "text: [label]"))
    assert looked == ["smoke/weather.csv", "smoke/weather.csv"]


def test_of_vectors_the_first_lines_are_read(mistakes):
    with Path("smoke/vectors.txt").open("a") as file:
        file.writelines(f"word{number} {' '.join(['0.5'] * 8)}\n" for number in range(2000))
        file.write("malformed\n")
    assert mistakes() == []


def test_a_student_that_starts_with_fewer_positions_is_known_before_a_run(mistakes):
    """Shorter texts than its task has, and shorter blocks than it is to be distilled on."""
    config = BertConfig.from_pretrained("smoke/bert", num_hidden_layers=2, max_position_embeddings=12)
    BertModel(config).save_pretrained("smoke/short")
    tiny_tokenizer().save_pretrained("smoke/short")
    first, second = mistakes(
        ("  corpus: {path", "  short: {path: smoke/short, kind: model}\n  corpus: {path"),
        ("start: bert", "start: short"),
        ("initialise: teacher-svd", "initialise: start"),
        ("hidden: 16, heads: 2, intermediate: 32}", "hidden: 24, heads: 2, intermediate: 48}"),
    )
    assert first.startswith("general.small: max_length 16 is above the 12 positions of smoke/short")
    assert second.startswith("students.weather-small: max_length 16 is above the 12 positions of smoke/short")
