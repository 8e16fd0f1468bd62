"""`python -m tinybert check` of your own models, vectors and corpora, before any stage has run."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from transformers import BertConfig, BertModel

from tests.check.test_check import mistakes_after
from tests.smoke import ROOT, make_inputs
from tests.tiny import tiny_tokenizer
from tinybert.check.mistakes import find_all_mistakes, find_other_libraries
from tinybert.models.loading import head_config, load_classifier
from tinybert.running.digests import library_versions
from tinybert.running.lineage import write_lineage


@pytest.fixture
def fresh(tmp_path, monkeypatch):
    """A folder with the smoke preset and its inputs: no sources, no lock."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "presets" / "smoke.yaml", "params.yaml")
    make_inputs(Path("smoke"))
    return tmp_path


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("heads: 2", "heads: 4", "general.small: the attention loss needs a student with the teacher's 2 heads"),
        ("steps: 10", "steps: 0", "tasks.weather.mlm: smoke/bert: this checkpoint has no masked-language head"),
        ("epochs: 4,", "epochs: 0,", "tasks.weather.teacher: smoke/bert: this checkpoint has no classification head"),
    ],
)
def test_a_model_of_ones_own_is_looked_at_before_its_import(fresh, old, new, expected):
    assert list(find_all_mistakes(Path("params.yaml"))) == []
    line, *others = mistakes_after(old, new)
    assert line.startswith(f"params.yaml: {expected}")
    assert all(other.startswith("params.yaml: students.") for other in others)


def test_a_fine_tuned_teachers_classes_are_compared_with_the_tables(fresh):
    def save(names):
        load_classifier(Path("smoke/bert"), new_head=head_config(names)).save_pretrained("smoke/bert")

    save(["Good", "bad"])
    assert mistakes_after("epochs: 4,", "epochs: 0,") == []
    save(["dry", "wet"])
    (line,) = mistakes_after(", names: [bad, good]", "")  # named by the table alone
    assert line.startswith("params.yaml: tasks.weather.teacher: smoke/bert: its outputs are dry, wet, the data's class")


@pytest.mark.parametrize(
    ("file", "content", "expected"),
    [
        ("bert/model.safetensors", None, "files.bert: smoke/bert: a model needs model.safetensors, found config.json"),
        ("bert/model.safetensors", "?", "files.bert: smoke/bert/model.safetensors: not a whole safetensors file"),
        ("bert/config.json", '{"model_type": "bart!"}', "files.bert: smoke/bert: no model that can be read"),
        ("vectors.txt", "the 0.5 1.0\nwet 0.5\n", "files.vectors: smoke/vectors.txt: line 2: expected a word and 2"),
    ],
)
def test_models_and_vectors_of_ones_own_are_read_before_a_run(fresh, file, content, expected):
    (Path("smoke") / file).unlink()
    if content is not None:
        (Path("smoke") / file).write_text(content)
    (line,) = find_all_mistakes(Path("params.yaml"))
    assert line.startswith(f"params.yaml: {expected}")


def test_what_was_looked_at_is_looked_at_again_only_when_it_changed(fresh, monkeypatch):
    assert list(find_all_mistakes(Path("params.yaml"))) == []
    looked = []
    monkeypatch.setattr("tinybert.check.own_files._look_at", lambda file, task: looked.append(file.path) or (None, {}))
    assert mistakes_after("epochs: 4,", "epochs: 3,") == []
    assert looked == []
    with Path("smoke/weather.csv").open("a") as table:
        table.write("a new one,good\n")
    list(find_all_mistakes(Path("params.yaml")))
    mistakes_after("text: [text]", "text: [label]")
    assert looked == ["smoke/weather.csv", "smoke/weather.csv"]


def test_libraries_that_are_others_than_a_models_are_noted(fresh, monkeypatch):
    for number in range(2):
        folder = Path("models/teachers") / f"m{number}"
        folder.mkdir(parents=True)
        write_lineage(folder, "finetune-teacher@m", {}, {}, {})
    assert list(find_other_libraries()) == []
    monkeypatch.setattr("tinybert.check.mistakes.library_versions", lambda: library_versions() | {"torch": "9.1"})
    (line,) = find_other_libraries()
    assert line.startswith("models/teachers/m0 and 1 more: made with torch ")
    assert "and 9.1 is installed, which may give other numbers; `pip install torch==" in line


def test_a_small_corpus_of_ones_own_is_read_before_a_run(fresh):
    Path("smoke/corpus.txt").write_bytes(b"a caf\xe9 in the rain\n")
    (line,) = find_all_mistakes(Path("params.yaml"))
    assert line.startswith("params.yaml: files.corpus: smoke/corpus.txt: line 1, byte 5: not UTF-8")


def test_of_vectors_the_first_lines_are_read(fresh):
    with Path("smoke/vectors.txt").open("a") as file:
        file.writelines(f"word{number} {' '.join(['0.5'] * 8)}\n" for number in range(2000))
        file.write("malformed\n")
    assert list(find_all_mistakes(Path("params.yaml"))) == []


def test_a_student_that_starts_with_fewer_positions_is_known_before_a_run(fresh):
    """Shorter texts than its task has, and shorter blocks than it is to be distilled on."""
    config = BertConfig.from_pretrained("smoke/bert", num_hidden_layers=2, max_position_embeddings=12)
    BertModel(config).save_pretrained("smoke/short")
    tiny_tokenizer().save_pretrained("smoke/short")
    params = Path("params.yaml")
    params.write_text(
        params.read_text()
        .replace("  corpus: {path", "  short: {path: smoke/short, kind: model}\n  corpus: {path")
        .replace("start: bert", "start: short")
        .replace("initialise: teacher-svd", "initialise: start")
        .replace(
            "{layers: 2, hidden: 16, heads: 2, intermediate: 32}", "{layers: 2, hidden: 24, heads: 2, intermediate: 48}"
        )
    )
    first, second = find_all_mistakes(params)
    assert first.startswith("params.yaml: general.small: max_length 16 is above the 12 positions of smoke/short")
    assert second.startswith("params.yaml: students.weather-small: max_length 16 is above the 12 positions of smoke/sh")
