"""What keeping freed memory saves of a training step, and what it does to the peak: two processes, in turn."""

from __future__ import annotations

import resource
from multiprocessing import get_context
from typing import Annotated

import torch
import typer
from transformers import BertConfig, BertForSequenceClassification

from tinybert.running.memory import keep_freed_memory, peak_memory


def main(
    layers: Annotated[int, typer.Option(min=1)] = 4,
    hidden: Annotated[int, typer.Option(min=12, help="a multiple of 12")] = 312,
    steps: Annotated[int, typer.Option(min=1)] = 20,
    rounds: Annotated[int, typer.Option(min=1)] = 2,
) -> None:
    """CPU seconds, page faults and peak memory of training steps of 32 texts of 12 to 48 tokens, in bf16."""
    with get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        found = [pool.apply(measure, (layers, hidden, steps, keep)) for _ in range(rounds) for keep in (False, True)]
    given_back, kept = (tuple(map(min, zip(*found[way::2], strict=True))) for way in (0, 1))
    for way, (seconds, faults, peak) in (("given back", given_back), ("kept", kept)):
        print(f"{way:10} {seconds:.3f} s of CPU and {faults:8,.0f} page faults a step, peak {peak:.2f} GiB")
    print(f"ratio      {given_back[0] / kept[0]:.3f}")


def measure(layers: int, hidden: int, steps: int, keep: bool) -> tuple[float, float, float]:
    """CPU seconds and page faults a step, after as many steps that aren't counted, and the peak in GiB."""
    if keep:
        keep_freed_memory()
    torch.manual_seed(0)
    config = BertConfig(num_hidden_layers=layers, hidden_size=hidden, intermediate_size=4 * hidden)
    model = BertForSequenceClassification(config)
    optimiser = torch.optim.AdamW(model.parameters(), fused=True)
    for step in range(2 * steps):
        if step == steps:
            before = resource.getrusage(resource.RUSAGE_SELF)
        tokens = torch.randint(config.vocab_size, (32, int(torch.randint(12, 49, ()))))
        with torch.autocast("cpu", torch.bfloat16):
            loss = model(input_ids=tokens, labels=torch.zeros(32, dtype=torch.long)).loss
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
    after = resource.getrusage(resource.RUSAGE_SELF)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds / steps, (after.ru_minflt - before.ru_minflt) / steps, peak_memory() / 2**30
