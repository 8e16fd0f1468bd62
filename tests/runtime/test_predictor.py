"""What predictors of every kind say is what the model says, in whatever order and company its texts are asked."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from tests.exported import export_tiny
from tests.import_closure import ROOT
from tests.tiny import weather_rows
from tinybert.errors import UserError
from tinybert.models.heads import SpanHead, head_of
from tinybert.models.loading import head_config, load_config, load_tokenizer
from tinybert.runtime.predictor import batches_by_length, label_names, open_predictor, task_type
from tinybert.runtime.session import FP32, INT8
from tinybert.serve.open import open_model
from tinybert.serve.torch_predictor import TorchPredictor

WORDS = ["rain", "wind", "lovely", "sky", "grey"]
QUESTIONS = pd.DataFrame(
    {
        "text": ["what fell ?", "how was the sky ?"] * 6,
        "text_pair": ["a lot of rain fell on the town in the night and the wind was cold ", "the sky was grey"] * 6,
        "label": [[{"text": "rain", "start": 9}], [{"text": "grey", "start": 12}]] * 6,
    }
)


@pytest.fixture
def rows():
    return weather_rows(40)


@pytest.fixture
def folder(tmp_path, rows):
    return export_tiny(tmp_path, "out", rows)


def test_answers_are_the_models_in_the_order_of_the_rows(folder, rows):
    texts = [(text,) for text in rows["text"]]
    said, torches = open_predictor(folder, fp32=True).answer(texts), TorchPredictor(folder).answer(texts)
    for one, other in zip(said, torches, strict=True):
        assert one.label == other.label
        np.testing.assert_allclose(one.logits, other.logits, rtol=1e-3, atol=1e-5)
        assert one.probabilities == pytest.approx(other.probabilities, abs=1e-4)
    temperature = json.loads((folder / "config.json").read_text())["label_temperature"]
    first = np.exp(np.array(said[0].logits) / temperature)
    assert said[0].probabilities == pytest.approx(dict(zip(["bad", "good"], first / first.sum(), strict=True)))


def test_dynamic_int8_answers_a_text_alike_in_any_company(folder, rows):
    model = open_predictor(folder, threads=3)
    assert (model.kind, model.one_by_one) == ("onnx int8", True)
    texts = [(text,) for text in rows["text"]]
    assert model.answer(texts) == [model.answer([row])[0] for row in texts]
    assert model.answer(texts[::-1]) == model.answer(texts)[::-1]
    assert model.answer([]) == []


def test_it_needs_no_torch(folder):
    code = f"""
import sys
from pathlib import Path
from tinybert.serve.open import open_model
open_model(Path({str(folder)!r})).answer([("so much rain",)])
assert not {{"torch", "transformers", "pandas"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_several_labels_and_numbers(tmp_path, rows):
    several = rows.assign(text_pair=rows["text"][::-1].tolist(), label=[[label, 1 - label] for label in rows["label"]])
    head = head_config(["good", "bad"], multilabel=True)
    model = open_predictor(export_tiny(tmp_path, "several", several, head=head, metric="f1_micro", max_length=30))
    (said,) = model.answer([("so much rain", "lovely sky")])
    assert said.label == [name for name, share in said.probabilities.items() if share > 0.5]
    numbers = rows.assign(label=rows["label"].astype(float))
    model = open_predictor(export_tiny(tmp_path, "number", numbers, head=head_config(None), metric="pearson"))
    (said,) = model.answer([("so much rain",)])
    assert (said.label, said.probabilities) == (pytest.approx(said.logits[0]), None)


@pytest.mark.parametrize("no_answer", [False, True])
def test_pieces_of_a_context_are_those_of_the_model_in_any_window(tmp_path, no_answer):
    head = SpanHead(2, 5, no_answer=False)
    folder = export_tiny(tmp_path, "out", QUESTIONS, head=head, metric="span_f1", max_length=16)
    config = load_config(folder)
    if no_answer:
        config.span = {**config.span, "no_answer": True, "threshold": 0.1}
        config.save_pretrained(folder)
    own = head_of(config)
    expected = own.answers(own.load(folder), load_tokenizer(folder), QUESTIONS, 16)
    said = open_predictor(folder, fp32=True).answer(list(zip(QUESTIONS["text"], QUESTIONS["text_pair"], strict=True)))
    assert [answer.label for answer in said] == expected.tolist()


@pytest.mark.parametrize(
    ("spoil", "line"),
    [
        (lambda folder: (folder / INT8).write_bytes(b"no model"), "expected a model in ONNX format"),
        (lambda folder: (folder / "tokenizer.json").unlink(), "no tokenizer.json"),
        (lambda folder: (folder / "tokenizer.json").write_text("{}"), "no tokenizer that can be read"),
        (lambda folder: (folder / "config.json").unlink(), "found no config.json in it"),
        (lambda folder: (folder / "config.json").write_text("[]"), "expected an object in JSON"),
        (lambda folder: (folder / "export.json").unlink(), "expected export.json"),
        (lambda folder: [(folder / file).unlink() for file in (FP32, INT8)], "it isn't there"),
    ],
)
def test_what_is_no_model_is_told_in_a_line(folder, spoil, line):
    spoil(folder)
    with pytest.raises(UserError, match=line) as error:
        open_model(folder)
    assert "\n" not in str(error.value)


def test_rows_of_other_numbers_of_texts(folder, tmp_path):
    with pytest.raises(UserError, match="one text each, or two each, found 2 in row 2"):
        open_predictor(folder).answer([("a",), ("a", "b")])
    with pytest.raises(UserError, match=r"expected a model's folder, found nothing there"):
        open_model(tmp_path / "nowhere")


def test_types_and_names_by_a_config():
    assert task_type({"problem_type": "multi_label_classification", "id2label": {"0": "a"}}) == "multilabel"
    assert task_type({"id2label": {"0": "LABEL_0"}}) == "regression"
    assert task_type({"architectures": ["BertForQuestionAnswering"]}) == "span"
    assert task_type({}) == "classification"
    names = {str(number): f"n{number}" for number in range(12)}
    assert label_names({"id2label": names}) == list(names.values())


def test_batches_hold_rows_of_about_one_length():
    lengths = [5, 300, 7, 300, 6, 2048]
    batches = list(batches_by_length(lengths, 1, one_by_one=False))
    assert batches[0] == [5]
    assert sorted(place for batch in batches for place in batch) == list(range(6))
    assert max(max(lengths[place] for place in batch) * len(batch) for batch in batches) <= 2048
    assert [len(batch) for batch in batches_by_length(lengths, 3, one_by_one=True)] == [1] * 6
    assert len(list(batches_by_length([5] * 8, 4, one_by_one=False))) == 4
