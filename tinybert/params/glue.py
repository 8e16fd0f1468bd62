"""What GLUE's server takes: the names of its files, and the labels in each."""

from __future__ import annotations

from collections.abc import Sequence

GLUE: dict[str, tuple[str, ...] | None] = {
    **dict.fromkeys(("CoLA", "SST-2", "MRPC", "QQP", "WNLI"), ("0", "1")),
    **dict.fromkeys(("QNLI", "RTE"), ("entailment", "not_entailment")),
    **dict.fromkeys(("MNLI-m", "MNLI-mm", "AX"), ("entailment", "neutral", "contradiction")),
    "STS-B": None,
}
"""The labels of each file of a submission, None for numbers from 0 to 5."""


def submitted_labels(submission: str, names: Sequence[str], values: Sequence[str] | None) -> list[str]:
    """What a submission says for each class, in class order: its name, or for GLUE's files the official label.

    Args:
        submission: a file's name without `.tsv`; any that is not GLUE's takes the classes' names.
        names: of the classes.
        values: how the data writes them, where that differs.

    Raises:
        ValueError: the classes are not the official ones, under their names or as the data writes them.
    """
    official = GLUE.get(submission)
    if official is None:
        return list(names)
    for labels in (names, values or ()):
        if sorted(labels) == sorted(official):
            return list(labels)
    raise ValueError(
        f"{submission} is submitted as {', '.join(official)}, found the classes {', '.join(names)}; name them so, or "
        f"give names and, in the same order, values: [{', '.join(official)}]"
    )
