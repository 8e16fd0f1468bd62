"""What came out, in one sentence, and how its numbers are written."""

from __future__ import annotations

from tinybert.report.gather import Evidence
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
    share = "" if result.retention is None else f"{points(result.retention)} % of "
    text = (
        f"{first.name} keeps {share}its teacher's {result.title} ({points(result.student.score)} against "
        f"{points(result.teacher.score)}) with {100 / result.compression:.0f} % of its parameters "
        f"and {100 / result.speedup.batch1:.0f} % of its latency"
    )
    plain = [each for each in students if not each.distilled and each.result.task == result.task]
    if plain and first.distilled:
        best = max(plain, key=lambda each: each.result.student.score)
        text += f"; without distillation {best.name} reaches {points(best.result.student.score)}"
    return text + "."


def points(score: float) -> str:
    """A score in points of a hundred, as the paper's tables give them."""
    return tenths(100 * score)


def quantity(count: float) -> str:
    """A count as a person says it: 14.4 M, 920 k."""
    for unit, size in ((" G", 1e9), (" M", 1e6), (" k", 1e3)):
        if count >= size:
            return f"{count / size:.3g}{unit}"
    return f"{count:g}"
