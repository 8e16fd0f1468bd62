"""Latency of models side by side, in the precision that they are deployed in on a processor: fp32."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping

import torch
from transformers import BertConfig, BertForSequenceClassification, PreTrainedModel

ROUNDS = (3, 20)
"""At least, at most. Nothing is warmed up before: the median of three leaves a slow first pass out by itself."""
BUDGET = 1.0
"""Seconds for one batch size and all models, after which no further round starts, once the least number is done."""


def bert_base(classes: int, max_length: int) -> PreTrainedModel:
    """A model of BERT-base's shape (12 layers, width 768) with random weights: what the student replaces elsewhere."""
    config = BertConfig(num_labels=classes, max_position_embeddings=max(512, max_length))
    return BertForSequenceClassification(config).eval()


def measure_latencies(
    models: Mapping[str, PreTrainedModel], max_length: int, batch_sizes: tuple[int, ...] = (1, 32)
) -> dict[str, dict[str, float]]:
    """Milliseconds for one batch of full-length inputs, as `{model: {"batch1": …, "batch32": …}}`.

    The models take turns in every round, so that a busy moment of the machine hits all of them; the median over the
    rounds is given. Threads are those that torch is set to (`torch.get_num_threads()`).

    Args:
        models: on one device, in evaluation mode.
        max_length: tokens of each input, with no padding: the longest that the task allows, hence the slowest.
    """
    seconds: dict[str, dict[str, list[float]]] = {name: {f"batch{size}": [] for size in batch_sizes} for name in models}
    for size in batch_sizes:
        tokens = torch.randint(1, 100, (size, max_length), generator=torch.Generator().manual_seed(0))
        deadline = time.perf_counter() + BUDGET
        for done in range(ROUNDS[1]):
            if done >= ROUNDS[0] and time.perf_counter() > deadline:
                break
            for name, model in models.items():
                seconds[name][f"batch{size}"].append(_time(model, tokens))
    return {
        name: {batch: round(1000 * statistics.median(times), 3) for batch, times in batches.items()}
        for name, batches in seconds.items()
    }


@torch.inference_mode()
def _time(model: PreTrainedModel, tokens: torch.Tensor) -> float:
    """Seconds of one forward pass; the attention mask is of ones, as a server without padding would send it."""
    tokens = tokens.clamp(max=model.config.vocab_size - 1)
    mask = torch.ones_like(tokens)
    started = time.perf_counter()
    model(input_ids=tokens, attention_mask=mask)
    return time.perf_counter() - started
