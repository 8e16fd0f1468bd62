"""An ONNX file says what its model says, of any family, at any batch and length."""

import numpy as np
import onnxruntime
import pytest
import torch
from transformers import AutoModelForQuestionAnswering, AutoModelForSequenceClassification

from tests.families import FAMILIES, family_config, family_tokenizer
from tinybert.export.onnx import SPANS, read_first_token, write_onnx
from tinybert.models.loading import takes_types
from tinybert.tokens.encoding import TYPES

TEXTS = [["sunny"], ["the weather was very sunny and mild in paris .", "wet"]]
SHORTENED = {"bert", "bert-cased", "bert-chinese", "roberta", "xlm-roberta", "electra"}


def reader(family):
    """The family's tokenizer, with token types for models that take them, as `load_tokenizer` has it."""
    tokenizer = family_tokenizer(family)
    if not takes_types(family_config(family, tokenizer)):
        tokenizer.model_input_names = [name for name in tokenizer.model_input_names if name != TYPES]
    return tokenizer


@pytest.fixture
def model(family, auto):
    torch.manual_seed(0)
    made = auto.from_config(family_config(family, reader(family))).eval()
    if made._can_set_attn_implementation():
        made.set_attn_implementation("eager")
    made.config.architectures = [type(made).__name__]
    return made


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("auto", [AutoModelForSequenceClassification, AutoModelForQuestionAnswering])
def test_it_says_what_the_model_says(family, auto, model, tmp_path):
    tokenizer, outputs = reader(family), SPANS if auto is AutoModelForQuestionAnswering else ("logits",)
    batches = [tokenizer(texts, padding=True, return_tensors="pt") for texts in TEXTS]
    with torch.inference_mode():
        expected = [[model(**batch)[name].numpy() for name in outputs] for batch in batches]
    write_onnx(model, tokenizer, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    assert [each.name for each in session.get_outputs()] == list(outputs)
    for batch, right in zip(batches, expected, strict=True):
        said = session.run(None, {name: tensor.numpy() for name, tensor in batch.items()})
        real = batch["attention_mask"].numpy().astype(bool)
        for one, other in zip(said, right, strict=True):
            assert one.shape == other.shape
            near = np.isclose(one, other, rtol=1e-4, atol=1e-5)
            assert near[real].all() if len(outputs) == 2 else near.all()


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("auto", [AutoModelForSequenceClassification])
def test_the_last_layer_computes_what_the_head_reads(family, model):
    assert read_first_token(model) == (family in SHORTENED)
    inputs = torch.ones(2, 7, dtype=torch.long)
    mask = torch.tensor([[1] * 7, [1] * 3 + [0] * 4])
    with torch.inference_mode():
        states = model.base_model(input_ids=inputs, attention_mask=mask).last_hidden_state
    assert states.shape[1] == (1 if family in SHORTENED else 7)
