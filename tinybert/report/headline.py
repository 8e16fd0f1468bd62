"""What came out, in a sentence for the page and in five lines for the console, and how its numbers are written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tinybert.evaluate.schema import STUDENT, Metrics, Result, Speeds, Time
from tinybert.params.experiment import Experiment
from tinybert.report.gather import Evidence, is_distilled
from tinybert.report.variants import tenths


def headline(students: list[Evidence]) -> Evidence | None:
    """The student that the page is about: the first distilled one in params.yaml, or the first if none is distilled.

    It is not the one that scores highest: that would be a choice made on the test rows, and of many the luckiest.
    """
    return next((each for each in students if each.distilled), students[0] if students else None)


def sentence(students: list[Evidence]) -> str:
    """What came out, in one sentence."""
    first = headline(students)
    if first is None:
        return "There is no student in params.yaml yet."
    result = first.result
    text = (
        f"{first.name} keeps {_share(result)}its teacher's {result.title} ({points(result.student.score)} against "
        f"{points(result.teacher.score)}) at {100 * result.student.bytes / result.teacher.bytes:.0f} % of its size, "
        f"{faster(first.speed.models[STUDENT].batch1)} as fast"
    )
    plain = [each for each in students if not each.distilled and each.result.task == result.task]
    if plain and first.distilled:
        best = max(plain, key=lambda each: each.result.student.score)
        text += f"; without distillation {best.name} reaches {points(best.result.student.score)}"
    return text + "."


def five_lines(experiment: Experiment, root: Path) -> Iterator[str]:
    """What came out, how good and how fast it is, where it lies, what to type next; of the headline's student."""
    results = Metrics.model_validate_json((root / "metrics.json").read_text(encoding="utf-8")).root
    speeds = Speeds.model_validate_json((root / "speed.json").read_text(encoding="utf-8")).root
    known = [name for name in experiment.students if name in results]
    if not known:
        yield "there is no student in params.yaml yet"
        return
    name = next((each for each in known if is_distilled(experiment.students[each], experiment)), known[0])
    result, speed = results[name], speeds[name]
    student, machine = result.student, speed.machine
    times = speed.models[STUDENT]
    others = f", and {len(known) - 1} more" if len(known) > 1 else ""
    yield (
        f"student    {name}: {quantity(student.parameters)} parameters, {quantity(student.bytes)}B, "
        f"{result.compression:.1f} times smaller than its teacher{others}"
    )
    yield (
        f"score      {result.title} {points(student.score)} ({points(student.ci95[0])} – {points(student.ci95[1])}), "
        f"{_share(result)}its teacher's {points(result.teacher.score)}, on {result.examples.test:,} test rows"
    )
    yield (
        f"speed      {faster(times.batch1)} as fast as its teacher for one text, {faster(times.batch32)} for 32 "
        f"({machine.processor}, {machine.instructions}, {machine.threads} threads)"
    )
    yield f"where      models/students/{name}, with its card in reports/cards/{name}.md and all in reports/index.html"
    yield "next       dvc metrics show; or change params.yaml, and `dvc repro` runs what depends on the change"


def ratio(value: float) -> str:
    """`2.1`, and of what is slower two digits: `0.082`."""
    return f"{value:.1f}" if value >= 1 else f"{value:.2g}"


def milliseconds(value: float) -> str:
    """Three digits, or the whole of them."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def faster(time: Time) -> str:
    """`2.1 times (2.0 – 2.2)`."""
    return "{} times ({} – {})".format(*map(ratio, (time.times_faster, *time.ci95)))


def _share(result: Result) -> str:
    return "" if result.retention is None else f"{points(result.retention)} % of "


def points(score: float) -> str:
    """A score in points of a hundred, as the paper's tables give them."""
    return tenths(100 * score)


def quantity(count: float) -> str:
    """A count as a person says it: 14.4 M, 920 k."""
    for unit, size in ((" G", 1e9), (" M", 1e6), (" k", 1e3)):
        if count >= size:
            return f"{count / size:.3g}{unit}"
    return f"{count:g}"
