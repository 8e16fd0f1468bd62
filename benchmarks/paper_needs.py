"""What a preset of the paper's size asks of a machine besides hours: memory of a GPU, memory, disk."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.paper_rows import PIECES, row_words, training_rows
from benchmarks.paper_steps import Step, held

if TYPE_CHECKING:
    from tinybert.params.architectures import Architecture
    from tinybert.params.experiment import Experiment

PARQUET = 2.5
"""Bytes of a word in Parquet: the default's corpus has 1,028,554 for 406,854 words."""
WORD = 46
"""Bytes of a word in memory while rows are read and encoded, by `python -m benchmarks.row_memory --rows 400000`."""
PROCESS = 2 * 2**30
"""Bytes allowed for a process with torch, CUDA and two models of BERT-base's size, before any row; not measured."""


class Needs(NamedTuple):
    """Bytes: of the GPU, of the process that trains, and of the disk, by what lies there."""

    gpu: float
    memory: float
    disk: dict[str, float]


def needs(experiment: Experiment, steps: Iterable[Step], words: float, vocabulary: int) -> Needs:
    """What a step holds is measured, in the experiment's precision; rows in memory and sizes on disk are counted.

    What torch needs in passing, and CUDA itself, come on top of the GPU's. Outputs count twice: DVC's cache has them
    too, unless the file system lets two files share their blocks.
    """
    rows = {
        key: [training_rows(key, data, task) for data in ("original", "augmented")]
        for key, task in experiment.tasks.items()
    }
    row = {key: row_words(key, task) for key, task in experiment.tasks.items()}
    generals = {key: _weights(general.architecture, vocabulary) for key, general in experiment.general.items()}
    lengths = {general.train.max_length for general in experiment.general.values() if general.train.epochs}
    logits = {
        (student.task, student.prediction.data): 8 * experiment.tasks[student.task].max_length
        for student in experiment.students.values()
        if student.prediction.losses.logits and experiment.tasks[student.task].type == "span"
    }  # of starts and ends, fp32; those of classes are next to nothing
    disk = {
        "corpus": 3 * words * PARQUET,  # as fetched, as read, and DVC's copy
        "its blocks of tokens": sum(4 * words * PIECES * length / (length - 2) for length in lengths),
        "rows of the tasks": 2 * PARQUET * sum(sum(rows[key]) * row[key] for key in rows),
        "logits of the teachers": sum(
            training_rows(key, data, experiment.tasks[key]) * size for (key, data), size in logits.items()
        ),
        "teachers": 2 * 2 * len(rows) * _weights(None, vocabulary),  # and the models that suggest words
        "students": 2 * sum(generals.values())
        + 2 * 2 * sum(generals[student.general] for student in experiment.students.values()),
    }
    return Needs(
        max(held(step, vocabulary, experiment.precision) for step in _largest(steps)),
        PROCESS + max(max(rows[key]) * row[key] * WORD for key in rows),
        disk,
    )


def _largest(steps: Iterable[Step]) -> list[Step]:
    """Of the steps that learn, those for which there is none of their kind with as many examples as long or longer."""
    kinds: dict[Step, set[tuple[int, int]]] = {}
    for step in steps:
        if step.learns:
            kinds.setdefault(step._replace(batch_size=0, length=0), set()).add((step.batch_size, step.length))
    return [
        kind._replace(batch_size=size, length=length)
        for kind, sizes in kinds.items()
        for size, length in sizes
        if not any(more >= size and longer >= length and (more, longer) != (size, length) for more, longer in sizes)
    ]


@lru_cache
def _weights(architecture: Architecture | None, vocabulary: int) -> int:
    """Bytes of a model of this shape, None being BERT-base's; made without its weights."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    from tinybert.models.shape import student_config

    config = BertConfig(vocab_size=vocabulary)
    with torch.device("meta"):
        model = BertForSequenceClassification(student_config(config, architecture) if architecture else config)
    return sum(weight.nbytes for weight in model.parameters())
