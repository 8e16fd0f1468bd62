"""Predictions of test sets without labels, in the format of GLUE's server: one TSV a set, one ZIP a variant."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, count
from pathlib import Path

import numpy as np

from tinybert.metrics.scores import predict
from tinybert.params.glue import GLUE

FOLDER = "submission"
OLDEST = (1980, 1, 1, 0, 0, 0)
"""The time of each file in a ZIP: none, so that the same predictions are the same bytes."""
LOWEST, HIGHEST = 0.0, 5.0
"""Of GLUE's one regression, STS-B."""


def submission_lines(name: str, metric: str, labels: Sequence[str] | None, logits: np.ndarray) -> list[str]:
    """The lines of `<name>.tsv`, the header `index`, `prediction` first; rows are counted from 0.

    Args:
        metric: the task's.
        labels: what to submit for each class, in class order; None for regression. Of a multilabel row, all that it
            has are given, with `|` between them.
        logits: (rows, classes), or (rows, 1) for regression.
    """
    answers = predict(metric, logits)
    if labels is None:
        numbers = answers.clip(LOWEST, HIGHEST) if name in GLUE else answers
        predictions = [f"{number:.3f}" for number in numbers]
    elif answers.ndim == 2:
        predictions = ["|".join(labels[index] for index in np.flatnonzero(row).tolist()) for row in answers]
    else:
        predictions = [labels[answer] for answer in answers.tolist()]
    return ["index\tprediction", *(f"{index}\t{prediction}" for index, prediction in enumerate(predictions))]


def write_answers(ids: Iterable[str], answers: Iterable[str], file: Path) -> None:
    """Write answers to questions as SQuAD's scorer takes them: a mapping of the questions' ids to texts."""
    content = dict(zip(ids, answers, strict=True))
    file.write_text(json.dumps(content, indent=0, ensure_ascii=False) + "\n", encoding="utf-8")


def write_archives(grouped: Mapping[str, Mapping[str, Path]], folder: Path) -> None:
    """Write what `archives` grouped to `folder/<archive>.zip`: the same files give the same bytes."""
    if grouped:
        folder.mkdir(exist_ok=True)
    for name, files in grouped.items():
        with zipfile.ZipFile(folder / f"{name}.zip", "w") as archive:
            for file_name, file in sorted(files.items()):
                entry = zipfile.ZipInfo(file_name, OLDEST)
                entry.compress_type, entry.create_system, entry.external_attr = zipfile.ZIP_DEFLATED, 3, 0o644 << 16
                archive.writestr(entry, file.read_bytes())


def archives(students: Sequence[tuple[str, str | None, Sequence[Path]]]) -> dict[str, dict[str, Path]]:
    """Which files of predictions go into which ZIP: those of one general student and one variant together.

    Args:
        students: general student, variant and files of predictions of each student, in the order of params.yaml.

    Returns:
        file by its name, by the ZIP's name: `<general>`, with `-<variant>` where the general student has several, with
        `-answers` for answers to questions, and for a second student of the same task with `-2`.
    """
    grouped: dict[str, dict[str, Path]] = {}
    for general, variant, files in students:
        several = len({other for of, other, found in students if of == general and found}) > 1
        own = f"{general}-{re.sub(r'[^a-z0-9]+', '-', variant.lower())}" if several and variant else general
        for file in files:
            first = f"{own}-answers" if file.suffix == ".json" else own
            names = chain([first], (f"{first}-{number}" for number in count(2)))
            name = next(each for each in names if file.name not in grouped.get(each, {}))
            grouped.setdefault(name, {})[file.name] = file
    return grouped
