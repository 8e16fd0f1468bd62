"""A training step with attention written out against one with torch's fused attention, in turn, by length of text."""

from __future__ import annotations

import statistics
import time
from typing import Annotated

import torch
import typer
from transformers import BertConfig, BertForSequenceClassification

from tinybert.models.attention import PLAIN, SHORT
from tinybert.running.memory import keep_freed_memory


def main(
    layers: Annotated[int, typer.Option(min=1)] = 4,
    hidden: Annotated[int, typer.Option(min=12, help="a multiple of 12")] = 312,
    tokens: Annotated[int, typer.Option(min=8, help="of a batch; the longer its texts, the fewer")] = 2048,
    steps: Annotated[int, typer.Option(min=1)] = 5,
) -> None:
    """Seconds of a step in bf16 without dropout, and their ratio: above 1 where writing it out is faster."""
    keep_freed_memory()
    shape = {"num_hidden_layers": layers, "hidden_size": hidden, "intermediate_size": 4 * hidden}
    config = BertConfig(**shape, hidden_dropout_prob=0, attention_probs_dropout_prob=0, vocab_size=1000)
    model = BertForSequenceClassification(config).train()
    print(f"the plain one is taken up to {SHORT} tokens")
    for length in (16, 32, 64, 128, 192, 256, 384, 512):
        seconds: dict[str, list[float]] = {"sdpa": [], PLAIN: []}
        for name in list(seconds) * (steps + 1):
            model.set_attn_implementation(name)
            started = time.perf_counter()
            inputs = torch.randint(config.vocab_size, (max(1, tokens // length), length))
            mask = torch.ones_like(inputs)
            mask[:, length * 3 // 4 :] = 0
            with torch.autocast("cpu", torch.bfloat16):
                loss = model(input_ids=inputs, attention_mask=mask).logits.float().square().mean()
            loss.backward()
            model.zero_grad()
            seconds[name].append(time.perf_counter() - started)
        fused, plain = (statistics.median(times[1:]) for times in seconds.values())
        print(f"{length:4} tokens  fused {fused:.3f} s  plain {plain:.3f} s  ratio {fused / plain:.2f}", flush=True)
