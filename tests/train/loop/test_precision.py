"""Half the precision: a step of training of every family, or one line that says that it has none."""

from __future__ import annotations

from contextlib import nullcontext
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


@pytest.mark.parametrize("family", FAMILIES)
def test_a_classifier_learns_in_bf16_or_is_refused(family, tmp_path):
    folder, random = save_family(tmp_path / "model", family), np.random.default_rng(0)
    texts = [family_report(family, random, bool(n % 2)) for n in range(24)]
    rows = pd.DataFrame({"text": texts, "label": [n % 2 for n in range(24)]})
    tokenizer, model = load_tokenizer(folder), load_classifier(folder, new_head=head_config(["bad", "good"]))
    dtypes, before = set(), model.get_input_embeddings().weight.detach().clone()
    for module in model.base_model.modules():
        if isinstance(module, torch.nn.Linear):
            module.register_forward_hook(lambda _, inputs, output: dtypes.add(output.dtype))
    job = replace(tiny_job(tmp_path / "trained", tmp_path / "curves"), run=Run(seed=1, precision="bf16"))
    settings = Optimisation(batch_size=24, learning_rate=1e-3, warmup=0.0)
    with pytest.raises(UserError, match=REFUSAL) if family in FP32_ONLY else nullcontext():
        examples, collate = encode(tokenizer, rows, 16), Padding(tokenizer.pad_token_id)
        train(model, LabelObjective(), examples, collate, settings, job, steps=1)
        after = model.get_input_embeddings().weight
        assert torch.bfloat16 in dtypes
        assert after.dtype == torch.float32
        assert after.isfinite().all()
        assert not torch.equal(before, after)
