"""What isn't among a task's rows, or contradicts itself there, in words: for the console and for the report."""

from __future__ import annotations

from typing import Any

CAUSES = {
    "label": "by label.drop",
    "answer": "whose answer is not in the context",
    "empty": "without text",
    "duplicates": "repeated in a later split",
    "broken": "broken lines",
}
"""Keys of `dropped` in task.json."""


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


def kept(summary: dict[str, Any]) -> list[str]:
    """What stayed and may surprise: texts with several labels, and classes that a split has no row of."""
    lines = []
    if summary["conflicting"]:
        lines.append(f"{summary['conflicting']:,} texts that have several labels")
    names, classes = summary["names"] or [], summary["classes"] or {}
    lacking = {split: sum(not count for count in counts) for split, counts in classes.items()}
    if any(lacking.values()):
        of_splits = ", ".join(f"{count} in {split}" for split, count in lacking.items() if count)
        lines.append(f"{len(names)} classes, of them without a row: {of_splits}")
    return lines
