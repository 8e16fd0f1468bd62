"""What a preset of the paper's size takes: hours, from steps with random weights, and memory and disk."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from benchmarks.paper_needs import needs
from benchmarks.paper_rows import PIECES, ROWS, WORDS, training_rows
from benchmarks.paper_steps import Cost, Step, measure

if TYPE_CHECKING:
    from tinybert.params.experiment import Experiment

LOGITS_BATCH = 64
"""Rows that a teacher reads at once where its logits are computed, about; it pays by the row."""


class Work(NamedTuple):
    """One stage: how many steps, and what a step is, equal for stages whose steps cost the same."""

    stage: str
    steps: int
    step: Step


def plan(experiment: Experiment, words: float = WORDS) -> Iterator[Work]:
    """Every stage that trains or augments, in the pipeline's order; evaluation is minutes."""
    blocks = words * PIECES
    for key, general in experiment.general.items():
        train = general.train
        if train.epochs:
            steps = math.ceil(train.epochs * blocks / (train.max_length - 2) / train.batch_size)
            step = Step(
                general.architecture, _fixed(general.layer_map), _on(general.losses.model_dump()),
                train.batch_size, train.max_length, general.relation_heads,
            )  # fmt: skip
            yield Work(f"general-distill@{key}", steps, step)
    for key, task in experiment.tasks.items():
        rows, words = ROWS[key]
        teacher, augment = task.teacher, task.augment
        fine_tuning = Step(None, None, (("labels", 1.0),), teacher.batch_size, task.max_length)
        yield Work(f"finetune-teacher@{key}", _steps(rows, teacher.epochs, teacher.batch_size), fine_tuning)
        used = any(
            phase.data == "augmented" and phase.epochs
            for student in experiment.students.values()
            if student.task == key
            for phase in (student.intermediate, student.prediction)
        )
        if used:  # a pass of the masked language model for each word that is replaced
            passes = math.ceil(rows * augment.copies * words * augment.probability / augment.batch_size)
            inference = Step(None, None, (("mlm", 1.0),), augment.batch_size, task.max_length, learns=False)
            yield Work(f"augment@{key}", passes, inference)
    known: set[tuple[str, str]] = set()
    for key, student in experiment.students.items():
        task = experiment.tasks[student.task]
        targets = (student.task, student.prediction.data)
        if student.prediction.losses.logits and targets not in known:  # computed once, then cached
            known.add(targets)
            inference = Step(None, None, (("logits", 1.0),), LOGITS_BATCH, task.max_length, learns=False)
            rows = training_rows(*targets, task)
            yield Work(f"teacher-logits@{' '.join(targets)}", _steps(rows, 1, LOGITS_BATCH), inference)
        architecture = experiment.general[student.general].architecture
        for name, phase in (("intermediate", student.intermediate), ("prediction", student.prediction)):
            if phase.epochs:
                rows = training_rows(student.task, phase.data, task)
                losses = _on(phase.losses.model_dump())
                step = Step(
                    architecture, _fixed(phase.layer_map), losses, phase.batch_size, task.max_length,
                    phase.relation_heads,
                )  # fmt: skip
                yield Work(f"{name}-distill@{key}", _steps(rows, phase.epochs, phase.batch_size), step)


def _steps(rows: int, epochs: int, batch_size: int) -> int:
    return epochs * math.ceil(rows / batch_size)


def _on(losses: Mapping[str, float]) -> tuple[tuple[str, float], ...]:
    return tuple((name, weight) for name, weight in losses.items() if weight)


def _fixed(layer_map: Any) -> Any:
    """A layer map that can be part of a key."""
    return tuple(layer_map.items()) if isinstance(layer_map, dict) else layer_map


def main(
    preset: Annotated[Path, typer.Argument(help="such as presets/paper-glue.yaml")],
    steps: Annotated[int, typer.Option(help="timed, of each kind", min=1)] = 5,
    words: Annotated[float, typer.Option(help="of the corpus", min=1)] = WORDS,
    batch_size: Annotated[int, typer.Option(help="at most; the seconds are scaled to the preset's", min=1)] = 256,
    length: Annotated[int, typer.Option(help="at most; not scaled, so less is for trying it out", min=8)] = 512,
    vocabulary: Annotated[int, typer.Option(help="word pieces", min=10)] = 30_522,
) -> None:
    """Hours and FLOPs of each stage and of all, with every example of full length: an upper bound. Memory and disk.

    Batches are sorted by length in the pipeline, so that most steps of the task phases are shorter. Hours elsewhere:
    the PFLOPs divided by 3,600 times what that machine sustains of them in a second.
    """
    from tinybert.models.precision import choose, name
    from tinybert.params.experiment import load_experiment

    experiment = load_experiment(preset)
    if unknown := sorted(experiment.tasks.keys() - ROWS.keys()):
        raise typer.BadParameter(
            f"the rows of {', '.join(unknown)} are not known here; take one of the paper's presets"
        )
    measured: dict[Step, Cost] = {}
    totals: dict[str, list[float]] = {}
    work = list(plan(experiment, words))
    for stage, count, step in work:
        small = step._replace(batch_size=min(step.batch_size, batch_size), length=min(step.length, length))
        if small not in measured:
            measured[small] = measure(small, vocabulary, experiment.precision, steps)
        scale = count * step.batch_size / small.batch_size
        hours, peta = scale * measured[small].seconds / 3600, scale * measured[small].operations / 1e15
        for kind in (stage.partition("@")[0], "all"):
            total = totals.setdefault(kind, [0.0, 0.0])
            total[0], total[1] = total[0] + hours, total[1] + peta
        print(f"{stage:<48} {count:>12,} steps {hours:>10.1f} h {peta:>12,.0f} PFLOPs", flush=True)
    totals["all"] = totals.pop("all")  # last
    for kind, (hours, peta) in totals.items():
        print(f"{kind:<48} {'':>18} {hours:>10.1f} h {peta:>12,.0f} PFLOPs")
    asked = needs(experiment, (each.step for each in work), words, vocabulary)
    print(f"{'memory of a GPU':<48} {'':>18} {asked.gpu / 2**30:>10.1f} GiB in {name(choose(experiment.precision))}")
    print(f"{'memory of the process':<48} {'':>18} {asked.memory / 2**30:>10.1f} GiB")
    for what, size in asked.disk.items():
        print(f"{'disk: ' + what:<48} {'':>18} {size / 2**30:>10.1f} GiB")
    print(f"{'disk: all':<48} {'':>18} {sum(asked.disk.values()) / 2**30:>10.1f} GiB")


if __name__ == "__main__":
    typer.run(main)
