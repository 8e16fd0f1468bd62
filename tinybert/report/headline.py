"""What came out: in a sentence for the page, and in five lines for the console."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tinybert.evaluate.schema import TEACHER
from tinybert.params.experiment import Experiment
from tinybert.report.advice import Choice, advice, weighed
from tinybert.report.deployables import ALTERNATIVES, deployables
from tinybert.report.gather import Evidence, gather
from tinybert.report.rendering import points, quantity, ratio, span

NOTHING = "There is no student in params.yaml yet."


def headline(students: list[Evidence]) -> Evidence | None:
    """The student that the page is about: the first distilled one in params.yaml, or the first if none is distilled.

    It is not the one that scores highest: that would be a choice made on the test rows, and of many the luckiest.
    """
    return next((each for each in students if each.distilled), students[0] if students else None)


def sentence(students: list[Evidence]) -> str:
    """What to take, and what is reached without distilling, in one sentence."""
    first = headline(students)
    if first is None:
        return NOTHING
    taken = first.choice.taken.key
    rest = [(ALTERNATIVES[key], each.score) for key, each in (first.result.alternatives or {}).items() if key != taken]
    plain = [each for each in students if not each.distilled and each.result.task == first.result.task]
    rest += [(each.name, each.result.student.score) for each in plain if first.distilled]
    text = advice(first.result, first.choice)
    if rest:
        name, score = max(rest, key=lambda each: each[1])
        text += f"; without distillation {name} reaches {points(score)}"
    return text + "."


def five_lines(experiment: Experiment, root: Path) -> Iterator[str]:
    """What to take, how good and how fast it is, where it lies, what to type next; of the headline's student.

    Raises:
        UserError: a student isn't evaluated or timed.
    """
    students = gather(experiment, root / "evaluation" / experiment.name)
    first = headline(students)
    if first is None:
        yield NOTHING
        return
    result, choice, machine = first.result, first.choice, first.speed.machine
    taken, scored, times = choice.taken, choice.taken.scored, choice.taken.times
    assert scored is not None
    assert times is not None
    teacher = deployables(first.name, result, first.speed)[TEACHER]
    others = f"; {len(students) - 1} more in the report" if len(students) > 1 else ""
    smaller = f", {ratio(result.teacher.bytes / scored.bytes)} times smaller than the teacher in PyTorch"
    yield f"take       {taken.name}: {quantity(scored.bytes)}B{smaller}{others}"
    interval = f" ({span(scored.ci95)})" if scored.ci95 else ""
    yield (
        f"score      {result.title} {points(scored.score)}{interval}, {weighed(choice)}, on {result.examples.test:,} "
        f"test rows"
    )
    slowest = f", p99 {times.batch1.p99_ms:.1f}" if times.batch1.p99_ms else ""
    yield (
        f"speed      {times.batch1.ms:.1f} ms for one text{slowest}; {taken.pace:,.0f} texts a second and core, "
        f"{ratio(taken.pace / teacher.pace)} times the teacher's in PyTorch ({machine.processor}, "
        f"{machine.instructions}, {machine.threads} threads)"
    )
    where = _folder(first, choice)
    yield f"where      {where}; all models beside each other in reports/index.html"
    texts = '--pair "a text" "the other"' if "text_pair" in first.answers else '"a text of your own"'
    yield f"next       python -m tinybert predict {where} {texts}"


def _folder(student: Evidence, choice: Choice) -> str:
    task = student.result.task
    if choice.taken.key in ALTERNATIVES:
        return f"models/alternatives/{task}/{choice.taken.key}"
    is_teacher = choice.taken.key.startswith("teacher/")
    return f"models/exported/{f'teachers/{task}' if is_teacher else f'students/{student.name}'}"
