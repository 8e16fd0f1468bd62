"""The paper's tables of results (Jiao et al., 2020), in points of a hundred, for the report to set ours beside them.

A student's `variant` is the name of a row here; a column's task and metric are those of the presets that repeat the
table. The paper's numbers of table 1 are of GLUE's test sets, all others of development sets, as ours are.
"""

from __future__ import annotations

from typing import NamedTuple

TEACHER = "teacher"
"""The row of the teacher, which has no `variant` of its own."""
WHOLE = "full"
"""The row of the ablations that the others leave something out of."""


class Column(NamedTuple):
    """A column: its title, and the task and the metric of ours that are the same."""

    title: str
    task: str
    metric: str


class Size(NamedTuple):
    """Parameters, FLOPs on a text of 128 tokens, times as fast as the teacher (in the paper on a K80)."""

    parameters: float
    flops: float
    speedup: float | None


class Published(NamedTuple):
    """A table: by row a number for each column, None where the paper has none; whether it has their mean too.

    `source` is where the paper has it, `note` what to know before one compares it with ours. Rows in `cited` are of
    models that no preset makes: they have the paper's numbers.
    """

    title: str
    source: str
    columns: tuple[Column, ...]
    rows: dict[str, tuple[float | None, ...]]
    sizes: dict[str, Size]
    averaged: bool = False
    note: str = ""
    cited: tuple[str, ...] = ()


MNLI_M, MNLI_MM = Column("MNLI-m", "mnli", "accuracy"), Column("MNLI-mm", "mnli", "accuracy_mismatched")
COLA, STSB = Column("CoLA", "cola", "matthews"), Column("STS-B", "stsb", "spearman")
MRPC, QQP = Column("MRPC", "mrpc", "f1"), Column("QQP", "qqp", "f1")
QNLI, SST2 = Column("QNLI", "qnli", "accuracy"), Column("SST-2", "sst2", "accuracy")
RTE = Column("RTE", "rte", "accuracy")


def _both(column: Column, one: str = "F1", other: str = "accuracy") -> tuple[Column, ...]:
    return tuple(Column(f"{column.title} {metric}", column.task, metric.lower()) for metric in (one, other))


TABLES = (
    Published(
        "GLUE",
        "the paper's table 1, on the test sets",
        (MNLI_M, MNLI_MM, QQP, QNLI, SST2, COLA, STSB, MRPC, RTE),
        {
            TEACHER: (83.9, 83.4, 71.1, 90.9, 93.4, 52.8, 85.2, 87.5, 67.0),
            "BERT-tiny": (75.4, 74.9, 66.5, 84.8, 87.6, 19.5, 77.1, 83.2, 62.6),
            "BERT-small": (77.6, 77.0, 68.1, 86.4, 89.7, 27.8, 77.0, 83.4, 61.8),
            "BERT4-PKD": (79.9, 79.3, 70.2, 85.1, 89.4, 24.8, 79.8, 82.6, 62.3),
            "DistilBERT4": (78.9, 78.0, 68.5, 85.2, 91.4, 32.8, 76.1, 82.4, 54.1),
            "MobileBERT-tiny": (81.5, 81.6, 68.9, 89.5, 91.7, 46.7, 80.1, 87.9, 65.1),
            "TinyBERT4": (82.5, 81.8, 71.3, 87.7, 92.6, 44.1, 80.4, 86.4, 66.6),
            "BERT6-PKD": (81.5, 81.0, 70.7, 89.0, 92.0, None, None, 85.0, 65.5),
            "PD": (82.8, 82.2, 70.4, 88.9, 91.8, None, None, 86.8, 65.3),
            "DistilBERT6": (82.6, 81.3, 70.1, 88.9, 92.5, 49.0, 81.3, 86.9, 58.4),
            "TinyBERT6": (84.6, 83.2, 71.6, 90.4, 93.1, 51.1, 83.7, 87.3, 70.0),
        },
        {
            TEACHER: Size(109e6, 22.5e9, 1.0),
            "BERT-small": Size(29.2e6, 3.4e9, 5.7),
            "MobileBERT-tiny": Size(15.1e6, 3.1e9, None),
            **dict.fromkeys(("BERT-tiny", "TinyBERT4"), Size(14.5e6, 1.2e9, 9.4)),
            **dict.fromkeys(("BERT4-PKD", "DistilBERT4"), Size(52.2e6, 7.6e9, 3.0)),
            **dict.fromkeys(("BERT6-PKD", "PD", "DistilBERT6", "TinyBERT6"), Size(67.0e6, 11.3e9, 2.0)),
        },
        averaged=True,
        note="Ours are of the development sets, the paper's of the test sets; its speed is on a K80, ours on this "
        "processor, text by text.",
        cited=("MobileBERT-tiny",),  # 24 narrow layers with bottlenecks, from a teacher made for them
    ),
    Published(
        "Ablations",
        "the paper's tables 2, 3, 4 and 7, on the development sets",
        (MNLI_M, MNLI_MM, MRPC._replace(metric="accuracy"), COLA),  # its TinyBERT6 has 86.3 there, in accuracy
        {
            WHOLE: (82.8, 82.9, 85.8, 50.8),
            "without general distillation": (82.5, 82.6, 84.1, 40.8),
            "without task distillation": (80.6, 81.2, 83.8, 28.5),
            "without augmentation": (80.5, 81.0, 82.4, 29.8),
            "without embedding loss": (82.3, 82.3, 85.0, 46.7),
            "without prediction loss": (80.5, 81.0, 84.3, 48.2),
            "without Transformer losses": (71.7, 72.3, 70.1, 11.2),
            "without attention loss": (79.9, 80.7, 82.3, 41.1),
            "without hidden loss": (81.7, 82.1, 84.1, 43.7),
            "top map": (81.7, 82.3, 83.6, 35.9),
            "bottom map": (80.6, 81.3, 84.6, 38.5),
            "BERT-tiny": (75.9, 76.9, 83.2, 19.5),
            "general distillation only": (76.6, 77.2, 82.0, 8.7),
        },
        sizes={},
        averaged=True,
    ),
    Published(
        "GLUE, six layers",
        "the paper's table 5, on the development sets",
        (COLA, MNLI_M, MNLI_MM, *_both(MRPC), QNLI, *_both(QQP), RTE, SST2, *_both(STSB, "Pearson", "Spearman")),
        {
            "DistilBERT6": (51.3, 82.2, None, 87.5, None, 89.2, None, 88.5, 59.9, 92.7, None, 86.9),
            "Poor Man's BERT6": (None, 81.1, None, None, 80.2, 87.6, None, 90.4, 65.0, 90.3, None, 88.5),
            "BERT-of-Theseus": (51.1, 82.3, None, 89.0, None, 89.5, None, 89.6, 68.2, 91.5, None, 88.7),
            "MiniLM6": (49.2, 84.0, None, 88.4, None, 91.0, None, 91.0, 71.5, 92.0, None, None),
            "TinyBERT6": (54.0, 84.5, 84.5, 90.6, 86.3, 91.1, 88.0, 91.1, 73.4, 93.0, 90.1, 89.6),
        },
        sizes={},
        # The first two drop or replace layers of the teacher in place of learning from it; of MiniLM, v2 is run.
        cited=("Poor Man's BERT6", "BERT-of-Theseus", "MiniLM6"),
    ),
    Published(
        "SQuAD",
        "the paper's table, on the development sets",
        tuple(
            Column(f"{version} {title}", task, metric)
            for task, version in (("squad1", "1.1"), ("squad2", "2.0"))
            for title, metric in (("EM", "exact_match"), ("F1", "span_f1"))
        ),
        {
            TEACHER: (80.7, 88.4, 74.5, 77.7),
            "BERT4-PKD": (70.1, 79.5, 60.8, 64.6),
            "DistilBERT4": (71.8, 81.2, 60.6, 64.1),
            "TinyBERT4": (72.7, 82.1, 68.2, 71.8),
            "BERT6-PKD": (77.1, 85.3, 66.3, 69.8),
            "DistilBERT6": (78.1, 86.2, 66.0, 69.5),
            "TinyBERT6": (79.7, 87.5, 74.7, 77.7),
        },
        sizes={},
    ),
)
