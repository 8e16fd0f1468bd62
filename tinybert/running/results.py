"""Work that is a row of results, one after the other: those that an earlier run kept are not computed again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from tinybert.running.progress import Progress, goes_on, progress_of

if TYPE_CHECKING:
    import numpy as np

Result = TypeVar("Result")


class Form(NamedTuple, Generic[Result]):
    """How results lie on disk."""

    save: Callable[[list[Result], Path], object]  # to a folder
    load: Callable[[Path], list[Result]]


def kept_results(
    part: str, compute: Callable[[int], Iterator[Result]], form: Form[Result], unit: str, most: int = 100_000
) -> Generator[Result, None, None]:
    """All results in order: kept ones, then those of `compute(n)`, which begins with the n-th.

    New ones are kept every few minutes, and when this is left in whatever way: at its end, when it is stopped, when
    what takes the results fails; so whoever takes them closes it. Where the process keeps no progress, this is
    `compute(0)`.

    Args:
        part: names the work among a stage's; what decides the results is the same for all that has this name. Of work
            without a name nothing is kept.
        unit: what results are called.
        most: results in memory that are not kept yet.
    """
    progress = progress_of(part) if part else None
    if progress is None:
        yield from compute(0)
        return
    count, last = 0, None
    for kept in progress.all():
        if kept.number != count:  # the one before it was damaged
            shutil.rmtree(kept.folder)
            continue
        results, last = form.load(kept.folder), kept
        yield from results
        count += len(results)
    if last:
        goes_on(last)
    new: list[Result] = []
    try:
        for result in compute(count):
            new.append(result)
            if progress.due() or len(new) == most:
                count = _save(progress, count, new, form, unit)
                new = []
            yield result
    finally:
        _save(progress, count, new, form, unit)


def _save(progress: Progress, first: int, new: list[Result], form: Form[Result], unit: str) -> int:
    """Keep the results from the `first` on; how many there are with them."""
    count = first + len(new)
    if new:
        progress.save(first, f"{count:,} {unit}", lambda folder: form.save(new, folder), keep=None)
    return count


def as_json() -> Form[Any]:
    """Results that JSON can hold; a tuple comes back as a list."""

    def save(results: list[Any], folder: Path) -> None:
        (folder / "results.json").write_text(json.dumps(results), encoding="utf-8")

    return Form(save, lambda folder: json.loads((folder / "results.json").read_text(encoding="utf-8")))


def as_arrays() -> Form[np.ndarray]:
    """Arrays of numbers."""
    import numpy as np

    def save(results: list[np.ndarray], folder: Path) -> None:
        np.savez(folder / "results.npz", *results)

    def load(folder: Path) -> list[np.ndarray]:
        with np.load(folder / "results.npz", allow_pickle=False) as arrays:
            return [arrays[f"arr_{number}"] for number in range(len(arrays.files))]

    return Form(save, load)
