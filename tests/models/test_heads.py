"""Spans from every family of encoders: the logits of windows, alone or in a batch, and what is trained of a head."""

import numpy as np
import pandas as pd
import pytest
import torch
from transformers import AutoModelForQuestionAnswering

from tests.families import FAMILIES, family_model, family_tokenizer
from tests.tiny import weather_report
from tinybert.distill.phase import fix_prediction_layer
from tinybert.errors import UserError
from tinybert.models.heads import SequenceHead, SpanHead, head_of
from tinybert.models.loading import load_span_model, load_tokenizer
from tinybert.models.signals import SignalModel
from tinybert.tokens.windows import encode_windows

MAX_LENGTH = 24
HEAD = SpanHead(stride=4, longest_answer=3, no_answer=True)


@pytest.fixture
def rows():
    random = np.random.default_rng(0)
    contexts = [" ".join(weather_report(random, good) for good in (True, False) * (1 + n % 2)) for n in range(4)]
    label = [{"text": "weather", "start": 0}]
    return pd.DataFrame({"text": ["was paris sunny"] * 4, "text_pair": contexts, "label": [label] * 4})


def outputs_of(model):
    """The name of the last layer."""
    return "classifier" if model.config.model_type == "modernbert" else "qa_outputs"


@pytest.fixture(params=FAMILIES)
def folder(request, tmp_path):
    family_model(request.param).save_pretrained(tmp_path / "encoder")
    family_tokenizer(request.param).save_pretrained(tmp_path / "encoder")
    with pytest.raises(UserError, match="no question-answering head"):
        load_span_model(tmp_path / "encoder")
    torch.manual_seed(0)
    model = load_span_model(tmp_path / "encoder", new_head=True)
    torch.nn.init.normal_(model.get_parameter(f"{outputs_of(model)}.weight"))
    model.config.update(HEAD.config())
    model.save_pretrained(tmp_path / "model")
    family_tokenizer(request.param).save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def test_logits_and_answers_of_every_family(folder, rows):
    model, tokenizer = HEAD.load(folder), load_tokenizer(folder)
    assert head_of(model.config) == HEAD
    logits = HEAD.logits(model, tokenizer, rows, MAX_LENGTH)
    windows, collate = HEAD.examples(tokenizer, rows, MAX_LENGTH)
    assert len(windows) > len(rows)
    assert logits.shape == (len(windows), 2, max(windows["length"]))
    plain, signals = AutoModelForQuestionAnswering.from_pretrained(folder).eval(), SignalModel(model, False)
    for window, expected in zip(windows, logits, strict=True):
        inputs = {name: tensor for name, tensor in collate([window]).items() if name != "labels"}
        with torch.no_grad():
            outputs, of_signals = plain(**inputs), signals(inputs, logits=True)["logits"]
        alone = torch.stack([outputs.start_logits[0], outputs.end_logits[0]])
        torch.testing.assert_close(torch.tensor(expected[:, : window["length"]]), alone, rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(of_signals[0], alone, rtol=1e-3, atol=1e-4)
    said = HEAD.calibrate(model, tokenizer, rows, MAX_LENGTH)
    np.testing.assert_array_equal(said, HEAD.answers(model, tokenizer, rows, MAX_LENGTH))
    windows, threshold = encode_windows(tokenizer, rows, MAX_LENGTH, HEAD.stride), model.config.span["threshold"]
    best = [brute_force(row, windows, logits, rows) for row in range(len(rows))]
    assert said.tolist() == [answer if margin <= threshold else "" for answer, margin in best]
    always = SpanHead(HEAD.stride, HEAD.longest_answer, no_answer=False)
    assert always.answers(model, tokenizer, rows, MAX_LENGTH).tolist() == [answer for answer, _ in best]


def brute_force(row, windows, logits, rows):
    """The answer with the highest score of all, and how much higher that of no answer is."""
    spans, none = [], []
    for window, (start, end) in zip(windows, logits.astype(float), strict=True):
        if window["row"] != row:
            continue
        none.append(start[window["cls"]] + end[window["cls"]])
        for first in range(len(window["starts"])):
            for last in range(first, min(first + HEAD.longest_answer, len(window["starts"]))):
                score = start[window["first"] + first] + end[window["first"] + last]
                text = rows["text_pair"][row][window["starts"][first] : window["ends"][last]]
                spans.append((score, text.strip()))
    score, answer = max(spans)
    return answer, min(none) - score


def test_examples_to_train_on_hold_no_offsets(rows):
    windows, _ = HEAD.examples(family_tokenizer("bert"), rows, MAX_LENGTH)
    assert set(windows.column_names) == {
        "input_ids", "token_type_ids", "length", "row", "cls", "first", "window", "labels"
    }  # fmt: skip


def test_the_whole_head_is_fixed(folder):
    model = HEAD.load(folder)
    fix_prediction_layer(model)
    fixed = {name for name, weight in model.named_parameters() if not weight.requires_grad}
    assert {f"{outputs_of(model)}.{name}" for name in ("weight", "bias")} <= fixed
    assert not any("layer" in name for name in fixed)


def test_models_without_spans_have_the_other_head():
    assert isinstance(head_of(family_model("bert").config), SequenceHead)
