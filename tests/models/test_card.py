"""The card beside a student: what the hub reads of it, and that its code loads the student."""

import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from transformers import AutoConfig, AutoModelForSequenceClassification, BertForSequenceClassification

from tests.tiny import tiny_bert
from tinybert.models.card import write_card
from tinybert.running.lineage import write_lineage

NAME = "weather-small"


@pytest.fixture
def student(tmp_path, monkeypatch):
    """In the place where the pipeline puts it, with class names that Markdown could misread."""
    monkeypatch.chdir(tmp_path)
    folder = tiny_bert(tmp_path / "models/students" / NAME)
    names = {0: "not *bad*", 1: "<good>", 2: "a_b"}
    labels = {"id2label": names, "label2id": {name: index for index, name in names.items()}}
    AutoModelForSequenceClassification.from_pretrained(folder, **labels).save_pretrained(folder)
    (tmp_path / "train.parquet").write_bytes(b"rows")
    write_lineage(folder, f"prediction-distill@{NAME}", {}, {"data": tmp_path / "train.parquet"}, {})
    return folder


def card(student):
    write_card(student, AutoConfig.from_pretrained(student), Path("models/students", NAME), "weather", 16)
    return (student / "README.md").read_text(encoding="utf-8")


def test_it_says_what_the_student_is(student):
    text = card(student)
    _, front, body = text.split("---\n", 2)
    assert YAML(typ="safe").load(front)["pipeline_tag"] == "text-classification"
    assert "A BERT of 3 layers and width 24 for the task weather" in body
    assert r"in order: not \*bad\*, \<good\>, a\_b." in body
    assert f"- `prediction-distill@{NAME}`" in body
    assert "at most 16 tokens" in body
    assert f"`models/exported/students/{NAME}`" in body
    assert card(student) == text
    (student / "onnx").mkdir()
    (student / "onnx/model.onnx").touch()
    assert "As ONNX it is in `onnx/`: model.onnx." in card(student)


def test_its_code_loads_the_student(student):
    (code,) = re.findall(r"```python\n(.*?)```", card(student), re.DOTALL)
    found = {}
    exec(code, found)
    assert isinstance(found["model"], BertForSequenceClassification)
    assert found["tokenizer"].model_input_names


def test_a_regression_has_no_classes(student):
    AutoModelForSequenceClassification.from_pretrained(
        student, num_labels=1, problem_type="regression", ignore_mismatched_sizes=True
    ).save_pretrained(student)
    assert "classes" not in card(student)
