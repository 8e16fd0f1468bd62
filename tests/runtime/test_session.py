"""An ONNX file as it is served."""

import numpy as np
import pytest
import torch

from tests.tiny import tiny_bert, tiny_tokenizer
from tinybert.errors import UserError
from tinybert.export.int8 import quantise
from tinybert.export.onnx import write_onnx
from tinybert.models.loading import head_config, load_classifier
from tinybert.runtime.session import Session

TEXTS = ["sunny", "the weather was very sunny and mild in paris .", "we had drizzly weather"]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("onnx")
    torch.manual_seed(0)
    model = load_classifier(tiny_bert(folder / "bert"), new_head=head_config(["bad", "good"]))
    model.set_attn_implementation("eager")
    write_onnx(model, tiny_tokenizer(), folder / "fp32.onnx")
    quantise("dynamic", folder / "fp32.onnx", folder / "int8.onnx", [])
    return folder


def read(texts):
    return dict(tiny_tokenizer()(texts, padding=True, return_tensors="np"))


def test_types_may_be_left_out(files):
    session, inputs = Session(files / "fp32.onnx"), read(TEXTS)
    types = inputs.pop("token_type_ids")
    np.testing.assert_array_equal(
        session.run(inputs)["logits"], session.run(inputs | {"token_type_ids": types})["logits"]
    )


def test_one_by_one_an_answer_does_not_depend_on_the_others(files):
    session = Session(files / "int8.onnx", one_by_one=True)
    together = session.run(read(TEXTS))["logits"]
    alone = np.concatenate([session.run(read([text]))["logits"] for text in TEXTS])
    np.testing.assert_array_equal(together, alone)


def test_what_is_no_model_is_named(files, tmp_path):
    (tmp_path / "bad.onnx").write_bytes(b"nothing")
    for file, reason in ((tmp_path / "bad.onnx", "expected a model in ONNX format"), (tmp_path / "x", "isn't there")):
        with pytest.raises(UserError, match=reason):
            Session(file)


@pytest.mark.parametrize("texts", [TEXTS, TEXTS[::-1]])
def test_what_is_quantised_before_does_not_read_padding(files, texts):
    """Served in batches: an answer is the same alone and beside a longer text."""
    alone = [read([text]) for text in texts]
    quantise("static", files / "fp32.onnx", files / "static.onnx", alone)
    session = Session(files / "static.onnx")
    expected = np.concatenate([session.run(each)["logits"] for each in alone])
    np.testing.assert_allclose(session.run(read(texts))["logits"], expected, atol=1e-5)
    fp32 = Session(files / "fp32.onnx").run(read(texts))["logits"]
    assert 0 < np.abs(expected - fp32).max() < 0.1 * np.abs(fp32).max()
