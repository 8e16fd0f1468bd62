"""What keeping freed memory saves of a training step, and what it does to the peak: two processes, in turn."""

from __future__ import annotations

import resource
import subprocess
import sys
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
    keep: Annotated[bool | None, typer.Option(help="one process only, with or without")] = None,
) -> None:
    """CPU seconds, page faults and peak memory of training steps of 32 texts of 12 to 48 tokens, in bf16."""
    if keep is not None:
        print(*measure(layers, hidden, steps, keep))
        return
    shape = [f"--layers={layers}", f"--hidden={hidden}", f"--steps={steps}"]
    found: dict[str, list[tuple[float, ...]]] = {"--no-keep": [], "--keep": []}
    for _ in range(rounds):
        for how, measured in found.items():
            out = subprocess.check_output([sys.executable, "-m", "benchmarks", "freed_memory", *shape, how], text=True)
            measured.append(tuple(map(float, out.split())))
    seconds = {}
    for how, measured in found.items():
        seconds[how], faults, peak = (min(values) for values in zip(*measured, strict=True))
        print(f"{how:10} {seconds[how]:.3f} s of CPU and {faults:8,.0f} page faults a step, peak {peak:.2f} GiB")
    print(f"ratio      {seconds['--no-keep'] / seconds['--keep']:.3f}")


def measure(layers: int, hidden: int, steps: int, keep: bool) -> tuple[float, float, float]:
    """CPU seconds and page faults a step, after as many steps that aren't counted, and the peak in GiB."""
    if keep:
        keep_freed_memory()
    torch.manual_seed(0)
    config = BertConfig(num_hidden_layers=layers, hidden_size=hidden, intermediate_size=4 * hidden)
    model = BertForSequenceClassification(config)
    optimiser = torch.optim.AdamW(model.parameters(), fused=True)
    before = resource.getrusage(resource.RUSAGE_SELF)
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
