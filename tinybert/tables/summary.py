"""The summary of a task's rows, `task.json`, and the same in words, for the console and for the report."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tinybert.tables.repeated import Text, same_text
from tinybert.tables.splits import UNLABELLED

FILE = "task.json"
LABELS = "labels.json"
"""Of the summary what a model has to know, apart from the rest so that a further test set trains nothing."""

CAUSES = {
    "label": "by label.drop",
    "answer": "whose answer is not in the context",
    "empty": "without text",
    "duplicates": "repeated in a later split",
    "broken": "broken lines",
}
"""Keys of `dropped` in task.json."""


def write_summary(summary: dict[str, Any], folder: Path) -> None:
    labels = {key: summary[key] for key in ("type", "names", "span") if key in summary}
    for file, content in ((FILE, summary), (LABELS, labels)):
        (folder / file).write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def describe(summary: dict[str, Any]) -> str:
    """The summary as lines for people: rows of each split, shares of the classes, what was left out."""
    splits = list(summary["rows"])
    cells = [("", splits), ("rows", [f"{summary['rows'][split]:,}" for split in splits])]
    names = summary["names"] or []
    for index, name in enumerate(names[:10]):
        shares = [summary["classes"][split][index] / summary["rows"][split] for split in splits]
        cells.append((name[:24], [f"{share:.1%}" for share in shares]))
    width = max(len(title) for title, _ in cells)
    lines = [f"  {title:<{width}}" + "".join(f"{value:>12}" for value in values) for title, values in cells]
    if len(names) > 10:
        lines.append(f"  and {len(names) - 10} more classes")
    if "span" in summary:
        without = [f"{summary['unanswerable'][split]:,}" for split in splits]
        lines.append(f"  {'none':<{width}}" + "".join(f"{value:>12}" for value in without) + "  without an answer")
        lines.append(f"  {summary['repaired']:,} answers found elsewhere in their context than their file says")
    lines.append(f"  left out: {', '.join(left_out(summary))}")
    lines += [f"  also tested on {name}: {rows:,} rows" for name, rows in summary.get("also_test", {}).items()]
    lines += [f"  to predict for {name}: {part['rows']:,} rows" for name, part in summary.get(UNLABELLED, {}).items()]
    lines += [f"  kept: {line}" for line in kept(summary)]
    return "\n".join(lines)


def left_out(summary: dict[str, Any]) -> list[str]:
    """Rows that were left out, by cause, as in `12 without text`; of repeated ones, which splits shared them.

    Args:
        summary: as in task.json (see `tinybert.tasks.prepare.prepare`).
    """
    dropped = summary["dropped"]
    lines = [f"{dropped[cause]:,} {words}" for cause, words in CAUSES.items() if cause in dropped]
    pairs = [
        f"{count:,} of {split} in {later}"
        for split, of_split in summary.get("repeated", {}).items()
        for later, count in of_split.items()
        if count
    ]
    where = f" ({', '.join(pairs)})" if pairs else ""
    return [line + where if line.endswith(CAUSES["duplicates"]) else line for line in lines]


def kept(summary: Mapping[str, Any]) -> list[str]:
    """What stayed and may surprise, such as texts with several labels, or classes that a split has no row of."""
    lines = []
    if summary["conflicting"]:
        lines.append(f"{summary['conflicting']:,} texts that have several labels")
    if "mirrored" in summary:
        lines.append(f"{summary['mirrored']:,} pairs that a later split has the other way round")
    names, classes = summary["names"] or [], summary["classes"] or {}
    for split, counts in classes.items():
        lacking = [name for name, count in zip(names, counts, strict=True) if not count]
        if lacking:
            lines.append(f"{len(lacking)} of {len(names)} classes without a row in {split}: {_some(lacking)}")
    if summary.get("constant"):
        lines.append("a validation split with one label only, on which no score can be above chance; add rows to it")
    alike: dict[Text, list[str]] = {}
    for name in names:
        alike.setdefault(same_text((name,)), []).append(name)
    lines += [f"classes whose names differ in case only: {_some(same)}" for same in alike.values() if len(same) > 1]
    return lines


def _some(names: list[str]) -> str:
    return ", ".join(map(repr, names[:3])) + (", …" if len(names) > 3 else "")
