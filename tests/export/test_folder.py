"""An exported folder says what its model says, without torch, padding or anything of this project."""

import json

import numpy as np
import onnxruntime
import pandas as pd
import pytest
import torch
from tokenizers import Tokenizer
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from tests.exported import MAX_LENGTH, export_tiny
from tests.tiny import weather_rows
from tinybert.errors import UserError
from tinybert.export.folder import quantise_within
from tinybert.models.heads import SpanHead
from tinybert.models.loading import head_config
from tinybert.params.export import Export
from tinybert.running.digests import digest
from tinybert.runtime.session import FP32, INT8


@pytest.fixture
def rows():
    return weather_rows(40)


@pytest.fixture
def export(tmp_path, rows):
    """Export a random model of a type of task, and give its folder."""
    return lambda name="out", rows=rows, **settings: export_tiny(tmp_path, name, rows, **settings)


def facts(folder):
    return json.loads((folder / "export.json").read_text())


def test_it_works_with_onnxruntime_and_tokenizers_alone(export, rows):
    folder = export()
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    session = onnxruntime.InferenceSession(folder / FP32, providers=["CPUExecutionProvider"])
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    reader = AutoTokenizer.from_pretrained(folder)
    for text in [*rows["text"][:5], "very " * 30]:
        encoding = tokenizer.encode(text)
        assert len(encoding.ids) <= MAX_LENGTH
        inputs = {
            name.name: np.array([getattr(encoding, attribute)], np.int64)
            for name, attribute in zip(session.get_inputs(), ("ids", "type_ids", "attention_mask"), strict=True)
        }
        with torch.no_grad():
            expected = model(**reader(text, truncation=True, return_tensors="pt")).logits.numpy()
        np.testing.assert_allclose(session.run(None, inputs)[0], expected, rtol=1e-4, atol=1e-6)
    said = facts(folder)
    assert said["parity"]["equal_answers"] == 1.0
    assert said["int8"]["method"] == "dynamic"
    assert {name: digest(folder / name) for name in said["files"]} == said["files"]
    written = {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}
    assert written - set(said["files"]) == {"README.md", "export.json"}
    assert {FP32.as_posix(), INT8.as_posix(), "model.safetensors", "lineage.json"} <= set(said["files"])


def test_the_same_bytes_twice(export):
    one, two = export("one"), export("two")
    assert facts(one)["files"] == facts(two)["files"]


def test_int8_may_be_left_out(export):
    folder = export(int8="off")
    assert facts(folder)["int8"]["method"] is None
    assert not (folder / INT8).exists()


def test_probabilities_get_a_temperature_and_logits_stay(export):
    folder = export()
    temperature = json.loads((folder / "config.json").read_text())["label_temperature"]
    assert facts(folder)["calibration"]["temperature"] == temperature > 0


QUESTIONS = pd.DataFrame(
    {
        "text": ["was it wet"] * 8,
        "text_pair": ["the weather was very sunny and mild in paris in the morning"] * 8,
        "label": [[{"text": "mild", "start": 27}]] * 8,
        "id": [str(number) for number in range(8)],
    }
)


def test_questions(export):
    folder = export(rows=QUESTIONS, head=SpanHead(2, 5, False), metric="span_f1", max_length=28)
    assert facts(folder)["parity"]["equal_answers"] == 1.0
    assert facts(folder)["calibration"] is None
    session = onnxruntime.InferenceSession(folder / FP32, providers=["CPUExecutionProvider"])
    assert [output.name for output in session.get_outputs()] == ["start_logits", "end_logits"]


def test_several_labels_of_pairs(export, rows):
    several = rows.assign(text_pair=rows["text"][::-1].tolist(), label=[[label, 1 - label] for label in rows["label"]])
    head = head_config(["good", "bad"], multilabel=True)
    folder = export(rows=several, head=head, metric="f1_micro", max_length=30)
    assert facts(folder)["parity"]["equal_answers"] == 1.0
    assert facts(folder)["calibration"]["error_after"] <= facts(folder)["calibration"]["error_before"] + 0.05


def test_numbers(export, rows):
    numbers = rows.assign(label=rows["label"] * 2500.0)
    folder = export(rows=numbers, head=head_config(None), metric="pearson")
    assert facts(folder)["calibration"] is None
    assert facts(folder)["parity"]["equal_answers"] == 1.0
    assert facts(folder)["validation"]["onnx"] == pytest.approx(facts(folder)["validation"]["torch"], abs=1e-4)


@pytest.mark.parametrize(
    ("scores", "kept"), [([0.9, 0], "dynamic"), ([0.897, 0], "dynamic"), ([0.89, 0.899], "static"), ([0.8, 0.8], None)]
)
def test_the_first_that_costs_no_more_is_kept(scores, kept, export, monkeypatch):
    folder = export(int8="off")
    monkeypatch.setattr(
        "tinybert.export.folder.quantise", lambda method, fp32, file, texts: file.write_bytes(fp32.read_bytes())
    )
    left = iter(scores)
    found = quantise_within(Export(max_loss=0.003), 0.9, folder, lambda: [], lambda session: next(left))
    assert found["method"] == kept
    assert (folder / INT8).exists() == (kept is not None)
    assert [each["score"] for each in found["tried"]] == scores[: 1 if kept == "dynamic" else 2]


def test_a_file_that_says_something_else_is_refused(export, monkeypatch):
    def write_another(model, tokenizer, file):
        with torch.no_grad():
            model.classifier.bias.add_(0.1)
        write(model, tokenizer, file)

    from tinybert.export.onnx import write_onnx as write

    monkeypatch.setattr("tinybert.export.folder.write_onnx", write_another)
    with pytest.raises(UserError, match=r"logits that differ by 0\.1"):
        export()
