"""Seconds of a distillation step, how much of the machine's matrix products it makes use of, and its peak memory."""

from __future__ import annotations

import time
from collections.abc import Callable
from multiprocessing import get_context
from typing import Annotated

import torch
import typer
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.paper import BASE, DEVICE, VOCABULARY, Step, Training, training
from tinybert.models.precision import choose, name
from tinybert.params.architectures import ARCHITECTURES, Architecture
from tinybert.running.memory import keep_freed_memory, peak_memory

LAYERS = (("embedding", 1.0), ("hidden", 1.0), ("attention", 1.0))
SHAPES = {
    "default": Step(ARCHITECTURES["tinybert4"], "uniform", LAYERS, 32, 64, teacher=Architecture(
        layers=6, hidden=384, heads=12, intermediate=1536)),
    "paper": Step(ARCHITECTURES["tinybert4"], "uniform", LAYERS, 32, 128, teacher=BASE),
}  # fmt: skip
"""What is compared in the intermediate phase and in general distillation, at the shapes of `params.yaml` (MiniLM over
TinyBERT4) and of the paper (BERT-base over TinyBERT4)."""
SIDE = 2048
"""Rows and columns of the matrices by whose product the machine's rate is measured."""


def main(
    shapes: Annotated[list[str] | None, typer.Argument(help="of " + ", ".join(SHAPES), show_default="all")] = None,
    batch_size: Annotated[int | None, typer.Option(help="instead of a shape's own", min=1)] = None,
    length: Annotated[int | None, typer.Option(help="of each example, in tokens", min=2, max=512)] = None,
    teacher_layers: Annotated[int | None, typer.Option(min=1)] = None,
    teacher_width: Annotated[int | None, typer.Option(min=12, help="a multiple of 12")] = None,
    student: Annotated[str | None, typer.Option(help="of " + ", ".join(ARCHITECTURES))] = None,
    precision: Annotated[str, typer.Option(help="auto, fp32, bf16 or fp16")] = "auto",
    dropout: Annotated[float, typer.Option(help="the student's", min=0, max=1)] = 0.0,
    steps: Annotated[int, typer.Option(help="timed; the fastest counts", min=1)] = 10,
) -> None:
    """Time, utilisation and memory of a step of layer losses, random weights and random tokens, each shape by itself.

    Utilisation is what the step's matrix products need at least, one pass of the teacher and three of the student, over
    what a large matrix product reaches in the same seconds: in the same process, dtype and threads, in turn with the
    steps. Memory is that of a process of its own, and of it what it held before there was a model.
    """
    for shape in shapes or SHAPES:
        if shape not in SHAPES or student not in (None, *ARCHITECTURES):
            raise typer.BadParameter(f"expected shapes of {', '.join(SHAPES)}, students of {', '.join(ARCHITECTURES)}")
        step = SHAPES[shape]
        layers, width = teacher_layers or step.teacher.layers, teacher_width or step.teacher.hidden
        step = step._replace(
            student=ARCHITECTURES[student] if student else step.student,
            batch_size=batch_size or step.batch_size,
            length=length or step.length,
            teacher=Architecture(layers=layers, hidden=width, heads=12, intermediate=4 * width),
        )
        with get_context("spawn").Pool(1) as pool:
            seconds, operations, rate, before, peak = pool.apply(measure, (step, precision, dropout, steps))
        tokens = step.batch_size * step.length
        print(
            f"{shape}: {step.batch_size} x {step.length} tokens, teacher {layers} x {width}, student "
            f"{step.student.layers} x {step.student.hidden}; {name(choose(precision))} on {DEVICE}, "
            f"{torch.get_num_threads()} threads\n"
            f"  {seconds:.4f} s a step, {1e6 * seconds / tokens:.1f} µs a token\n"
            f"  {operations / 1e9:.1f} GFLOPs needed, of {rate / 1e9:.1f} GFLOPS: utilisation "
            f"{operations / seconds / rate:.1%}\n"
            f"  peak {peak / 1e9:.2f} GB: {before / 1e9:.2f} before any model, {(peak - before) / 1e9:.2f} after",
            flush=True,
        )


def measure(step: Step, precision: str, dropout: float, steps: int) -> tuple[float, int, float, int, int]:
    """Seconds a step, operations that it needs, operations a second, and bytes: before there are models, and at most.

    Both times are the least of `steps`, since what else the machine does can only add to them.
    """
    keep_freed_memory()
    torch.manual_seed(0)
    before = peak_memory()
    run = training(step, VOCABULARY, precision)
    for module in run.model.modules():
        if isinstance(module, nn.Dropout):
            module.p = dropout
    matrix = torch.randn(SIDE, SIDE, device=DEVICE, dtype=choose(precision))
    run()  # as is the first product, a step that isn't timed
    products, times = [], []
    for _ in range(steps):
        products.append(_seconds(lambda: matrix @ matrix))
        times.append(_seconds(run))
    peak = before + torch.cuda.max_memory_allocated() if DEVICE == "cuda" else peak_memory()
    return min(times), needed(run), 2 * SIDE**3 / min(products), before, peak


def needed(run: Training) -> int:
    """Operations of a pass of the teacher and three of the student, a multiplication and an addition being two.

    The way back costs two passes, one for the gradients of the weights and one for those of what goes into them.
    """
    assert run.frozen is not None  # of layer losses there is a teacher
    with torch.no_grad(), run.autocast:
        with FlopCounterMode(display=False) as both:
            run.loss(run.batch)
        with FlopCounterMode(display=False) as teachers:
            run.frozen({name: run.batch[name] for name in ("input_ids", "attention_mask")})
    return 3 * both.get_total_flops() - 2 * teachers.get_total_flops()


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    if DEVICE == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started
