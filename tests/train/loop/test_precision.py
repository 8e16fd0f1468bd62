"""Half the precision: a step of training of every family, or one line that says that it has none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from tests.families import FAMILIES, family_report, save_family
from tests.tiny import tiny_job
from tinybert.errors import UserError
from tinybert.models.loading import head_config, load_classifier, load_tokenizer
from tinybert.params.table import Optimisation, Run
from tinybert.tokens.encoding import Padding, encode
from tinybert.train.loop.label_loss import LabelObjective
from tinybert.train.loop.trainer import train

FP32_ONLY = ("deberta",)
REFUSAL = r"^precision: expected fp32 for a deberta model, which transformers can't train in bf16; set precision: fp32"


@pytest.fixture(params=FAMILIES)
def family(request, tmp_path, monkeypatch):
    """A model of the family, and rows to classify in its language."""
    monkeypatch.chdir(tmp_path)
    save_family(tmp_path / "model", request.param)
    random = np.random.default_rng(0)
    texts = [family_report(request.param, random, bool(n % 2)) for n in range(24)]
    pd.DataFrame({"text": texts, "label": [n % 2 for n in range(24)]}).to_parquet("train.parquet")
    return request.param


@pytest.fixture
def job(tmp_path):
    return replace(tiny_job(tmp_path / "trained", tmp_path / "curves"), run=Run(seed=1, precision="bf16"))


def test_a_classifier_learns_in_bf16_or_is_refused(family, job, tmp_path):
    model = load_classifier(tmp_path / "model", new_head=head_config(["bad", "good"]))
    rows, tokenizer = pd.read_parquet("train.parquet"), load_tokenizer(tmp_path / "model")
    dtypes, before = set(), model.get_input_embeddings().weight.detach().clone()
    layers = [module for module in model.base_model.modules() if isinstance(module, torch.nn.Linear)]
    for layer in layers:
        layer.register_forward_hook(lambda _, inputs, output: dtypes.add(output.dtype))
    settings = Optimisation(batch_size=24, learning_rate=1e-3, warmup=0.0)

    def step():
        examples, collate = encode(tokenizer, rows, 16), Padding(tokenizer.pad_token_id)
        train(model, LabelObjective(), examples, collate, settings, job, steps=1)

    if family in FP32_ONLY:
        with pytest.raises(UserError, match=REFUSAL):
            step()
        return
    step()
    assert torch.bfloat16 in dtypes
    after = model.get_input_embeddings().weight
    assert after.dtype == torch.float32
    assert after.isfinite().all()
    assert not torch.equal(before, after)
