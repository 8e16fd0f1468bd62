"""Training of a masked language model, head and trunk, for a checkpoint that comes without its head."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from datasets import Dataset, concatenate_datasets
from torch import Tensor, nn
from torch.utils.data import DataLoader
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from tinybert.models.compatibility import require_length
from tinybert.models.loading import load_config, load_masked_lm, load_tokenizer, save_tokenizer
from tinybert.models.precision import require_autocast
from tinybert.models.signals import SignalModel
from tinybert.params.tasks import MaskedLanguageModel
from tinybert.tokens.blocks import corpus_blocks
from tinybert.tokens.encoding import encode, model_inputs
from tinybert.tokens.masking import MASKED_LABELS, UNMASKED, Masking
from tinybert.train.loop.curve import Curve
from tinybert.train.loop.job import Job
from tinybert.train.loop.trainer import no_training, train

HELD_OUT = 512  # examples of the task's text that are not trained on, for the masked accuracy
COUNTED = 20_000  # examples at least, where there are as many, of which tokens are counted


class MaskedTokenObjective:
    """Cross-entropy at the masked positions: the mean over the batch's masked tokens, as in BERT's pre-training.

    A batch in which nothing can be masked counts 0.
    """

    weights: Mapping[str, float] = {"mlm": 1.0}

    def counted(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Of how many tokens its loss is the mean."""
        return (batch[MASKED_LABELS] != UNMASKED).sum()

    def __call__(self, model: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        masked = batch[MASKED_LABELS] != UNMASKED
        logits = model(model_inputs(batch), masked=masked)["vocabulary"].float()
        labels = batch[MASKED_LABELS][masked]
        return {"mlm": F.cross_entropy(logits, labels) if len(labels) else logits.sum()}  # a mean of nothing is NaN


def adapt_masked_lm(settings: MaskedLanguageModel, source: Path, corpus: Path, data: Path, job: Job) -> None:
    """Train the masked language model in `source` on corpus and task text; write it and its tokenizer.

    The held-out accuracy is measured on text of the task's own training split that was not trained on, before and
    after. `steps: 0` passes a checkpoint through that has its head.

    Args:
        data: Parquet file of the task's training rows.

    Raises:
        UserError: `steps: 0` and a checkpoint without a head, a max_length above the model's positions, or a precision
            in which it can't be computed.
    """
    require_length(load_config(source), job.max_length, source)
    tokenizer = load_tokenizer(source)
    seed = job.seed(settings)
    torch.manual_seed(seed)
    model = load_masked_lm(source, new_head=settings.steps > 0)
    require_autocast(model, job.dtype)
    curve = Curve(job.curves / "validation.csv", ["step", "accuracy"])
    collate, guesses = (Masking(tokenizer, each, model.config.vocab_size, settings.mask) for each in (seed, 0))
    facts: dict[str, object] = {}
    texts = _task_text(data, tokenizer, job.max_length)
    readable = texts.filter(lambda ids: collate.is_ordinary(np.array(ids)).any(), input_columns="input_ids")
    if unread := len(texts) - len(readable):
        facts["texts_without_words"] = unread
        print(f"  {unread:,} of {len(texts):,} texts have no token that could be masked, and are left out")
    order, count = np.random.default_rng(seed).permutation(len(readable)), min(HELD_OUT, len(readable) // 10)
    held_out, texts = readable.select(order[:count]), readable.select(np.sort(order[count:]))
    curve.add({"step": 0, "accuracy": masked_accuracy(model, held_out, guesses, job.dtype)})
    if settings.steps:
        blocks = corpus_blocks(corpus, tokenizer, job.max_length)
        blocks = blocks.add_column("length", [job.max_length] * len(blocks))  # with the columns of encoded texts
        dataset = concatenate_datasets([blocks, texts])
        guess_by_frequency(model, dataset)
        signals = SignalModel(model, records_scores=False)
        train(signals, MaskedTokenObjective(), dataset, collate, settings, job, steps=settings.steps)
        accuracy = masked_accuracy(model, held_out, guesses, job.dtype)
        curve.add({"step": settings.steps, "accuracy": accuracy})
        facts["masked_accuracy"] = round(accuracy, 4)
        print(f"  {accuracy:.1%} of the masked tokens of held-out task text found")
    else:
        no_training(job)
    model.save_pretrained(job.folder)
    save_tokenizer(tokenizer, job.folder)
    job.write_lineage(settings, settings, {"from": source, "corpus": corpus, "data": data}, facts)


@torch.no_grad()
def guess_by_frequency(model: PreTrainedModel, dataset: Dataset) -> None:
    """Start a new head from each token's log probability in (a part of) the text, instead of from all being alike.

    That is what a head learns first; given, it leaves the steps for the rest. A head that was trained is left as it is.
    """
    bias = getattr(model.get_output_embeddings(), "bias", None)
    if bias is None or bias.any():
        return
    part = dataset.select(range(0, len(dataset), max(1, len(dataset) // COUNTED)))
    tokens = np.concatenate(part.with_format("numpy")["input_ids"][:])
    counts = 1 + np.bincount(tokens, minlength=len(bias))
    bias.copy_(torch.from_numpy(np.log(counts / counts.sum())))


@torch.inference_mode()
def masked_accuracy(model: PreTrainedModel, held_out: Dataset, collate: Masking, dtype: torch.dtype) -> float:
    """The share of masked tokens that the model's first guess restores; the same tokens are masked at each call."""
    signals = SignalModel(model, records_scores=False).eval()
    right = total = 0
    for batch in DataLoader(held_out, 64, collate_fn=collate):
        batch = {name: tensor.to(model.device) for name, tensor in batch.items()}
        masked = batch[MASKED_LABELS] != UNMASKED
        with torch.autocast(model.device.type, dtype, enabled=dtype != torch.float32):
            guesses = signals(model_inputs(batch), masked=masked)["vocabulary"].argmax(-1)
        right += int((guesses == batch[MASKED_LABELS][masked]).sum())
        total += int(masked.sum())
    return right / max(total, 1)


def _task_text(data: Path, tokenizer: PreTrainedTokenizerBase, max_length: int) -> Dataset:
    """The task's texts, each side of a pair a text of its own."""
    rows = pd.read_parquet(data)
    sides = [rows["text"]] + ([rows["text_pair"].drop_duplicates()] if "text_pair" in rows else [])
    texts = pd.concat(sides, ignore_index=True)  # the context of many questions counts once
    return encode(tokenizer, pd.DataFrame({"text": texts}), max_length)
