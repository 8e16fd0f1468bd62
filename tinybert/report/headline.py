"""What came out: in a sentence for the page, and in five lines for the console."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tinybert.evaluate.schema import INT8_STUDENT, Result
from tinybert.params.experiment import Experiment
from tinybert.report.gather import Evidence, gather
from tinybert.report.rendering import faster, points, quantity

NOTHING = "There is no student in params.yaml yet."


def headline(students: list[Evidence]) -> Evidence | None:
    """The student that the page is about: the first distilled one in params.yaml, or the first if none is distilled.

    It is not the one that scores highest: that would be a choice made on the test rows, and of many the luckiest.
    """
    return next((each for each in students if each.distilled), students[0] if students else None)


def sentence(students: list[Evidence]) -> str:
    """What came out, in one sentence."""
    first = headline(students)
    if first is None:
        return NOTHING
    result = first.result
    text = (
        f"{first.name} keeps {_share(result)}its teacher's {result.title} ({points(result.student.score)} against "
        f"{points(result.teacher.score)}) at {100 * result.student.bytes / result.teacher.bytes:.0f} % of its size, "
        f"{faster(first.times.batch1)} as fast"
    )
    plain = [each for each in students if not each.distilled and each.result.task == result.task]
    if plain and first.distilled:
        best = max(plain, key=lambda each: each.result.student.score)
        text += f"; without distillation {best.name} reaches {points(best.result.student.score)}"
    return text + "."


def five_lines(experiment: Experiment, root: Path) -> Iterator[str]:
    """What came out, how good and how fast it is, where it lies, what to type next; of the headline's student.

    Raises:
        UserError: a student isn't evaluated or timed.
    """
    students = gather(experiment, root / "evaluation" / experiment.name)
    first = headline(students)
    if first is None:
        yield NOTHING
        return
    result, student, times, machine = first.result, first.result.student, first.times, first.speed.machine
    others = f", and {len(students) - 1} more" if len(students) > 1 else ""
    yield (
        f"student    {first.name}: {quantity(student.parameters)} parameters, {quantity(student.bytes)}B, "
        f"{result.compression:.1f} times smaller than its teacher{others}"
    )
    yield (
        f"score      {result.title} {points(student.score)} ({points(student.ci95[0])} – {points(student.ci95[1])}), "
        f"{_share(result)}its teacher's {points(result.teacher.score)}, on {result.examples.test:,} test rows"
    )
    yield (
        f"speed      {faster(times.batch1)} as fast as its teacher for one text, {faster(times.batch32)} for 32"
        f"{_int8(first)} ({machine.processor}, {machine.instructions}, {machine.threads} threads)"
    )
    yield (
        f"where      models/exported/students/{first.name} (ONNX, PyTorch, tokenizer), with its card in "
        f"reports/cards/{first.name}.md and all in reports/index.html"
    )
    yield "next       dvc metrics show; or change params.yaml, and `dvc repro` runs what depends on the change"


def _int8(student: Evidence) -> str:
    """How good and how fast its ONNX file in int8 is, where there is one."""
    int8 = student.result.student.int8
    if int8 is None:
        return "; no int8 is kept"
    times = student.speed.models[INT8_STUDENT]
    return f"; as int8 {faster(times.batch1)}, with {points(int8.score)} and {quantity(int8.bytes)}B"


def _share(result: Result) -> str:
    return "" if result.retention is None else f"{points(result.retention)} % of "
