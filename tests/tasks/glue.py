"""GLUE's nine tasks: their entries for the official files and for the hub's, and tiny files in both forms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

ROWS = 60

OFFICIAL: dict[str, dict[str, Any]] = {
    "cola": {
        "columns": {name: ["source", "label", "mark", "sentence"] for name in ("train.tsv", "dev.tsv")},
        "text": ["sentence"],
        "label": {"column": "label", "names": ["unacceptable", "acceptable"], "values": [0, 1]},
        "split": {"unlabelled": {"CoLA": "test.tsv"}},
        "metric": "matthews",
    },
    "sst2": {
        "text": ["sentence"],
        "label": {"column": "label", "names": ["negative", "positive"], "values": [0, 1]},
        "split": {"unlabelled": {"SST-2": "test.tsv"}},
        "metric": "accuracy",
    },
    "mrpc": {
        "text": ["#1 String", "#2 String"],
        "label": {"column": "Quality", "names": ["not_equivalent", "equivalent"], "values": [0, 1]},
        "split": {"unlabelled": {"MRPC": "test.tsv"}},
        "metric": "f1",
    },
    "stsb": {
        "type": "regression",
        "text": ["sentence1", "sentence2"],
        "label": {"column": "score"},
        "split": {"unlabelled": {"STS-B": "test.tsv"}},
        "metric": "spearman",
    },
    "qqp": {
        "text": ["question1", "question2"],
        "label": {"column": "is_duplicate", "names": ["not_duplicate", "duplicate"], "values": [0, 1]},
        "split": {"unlabelled": {"QQP": "test.tsv"}, "broken": "skip"},
        "metric": "f1",
    },
    "mnli": {
        "text": ["sentence1", "sentence2"],
        "label": {"column": "gold_label", "names": ["entailment", "neutral", "contradiction"]},
        "split": {
            "test": "dev_matched.tsv",
            "also_test": {"mismatched": "dev_mismatched.tsv"},
            "unlabelled": {"MNLI-m": "test_matched.tsv", "MNLI-mm": "test_mismatched.tsv", "AX": "AX.tsv"},
        },
        "metric": "accuracy",
    },
    "qnli": {
        "text": ["question", "sentence"],
        "label": {"column": "label", "names": ["entailment", "not_entailment"]},
        "split": {"unlabelled": {"QNLI": "test.tsv"}},
        "metric": "accuracy",
    },
    "rte": {
        "text": ["sentence1", "sentence2"],
        "label": {"column": "label", "names": ["entailment", "not_entailment"]},
        "split": {"unlabelled": {"RTE": "test.tsv"}},
        "metric": "accuracy",
    },
    "wnli": {
        "text": ["sentence1", "sentence2"],
        "label": {"column": "label", "names": ["not_entailment", "entailment"], "values": [0, 1]},
        "split": {"unlabelled": {"WNLI": "test.tsv"}},
        "metric": "accuracy",
    },
}
"""What is particular to a task; `entry` adds the rest."""

HUB_TEXT = {
    "mrpc": ["sentence1", "sentence2"],
    "mnli": ["premise", "hypothesis"],
}
HEADERS = {
    "sst2": ["sentence", "label"],
    "mrpc": ["Quality", "#1 ID", "#2 ID", "#1 String", "#2 String"],
    "stsb": [
        "index", "genre", "filename", "year", "old_index", "source1", "source2", "sentence1", "sentence2", "score",
    ],
    "qqp": ["id", "qid1", "qid2", "question1", "question2", "is_duplicate"],
    "mnli": [
        "index", "promptID", "pairID", "genre", "sentence1_binary_parse", "sentence2_binary_parse",
        "sentence1_parse", "sentence2_parse", "sentence1", "sentence2", "label1", "gold_label",
    ],
    "qnli": ["index", "question", "sentence", "label"],
    "rte": ["index", "sentence1", "sentence2", "label"],
    "wnli": ["index", "sentence1", "sentence2", "label"],
}  # fmt: skip


def entry(task: str, hub: bool = False) -> dict[str, Any]:
    """The task's data keys, as params.yaml has them."""
    keys = {"type": "classification", "columns": None, "max_length": 64 if task in ("cola", "sst2") else 128}
    keys |= OFFICIAL[task]
    split = {"train": "train.tsv", "test": "dev.tsv", "validation": 0.1, **keys["split"]}
    if not hub:
        return keys | {"split": split}
    split |= {part: _on_the_hub(split[part]) for part in ("train", "test")} | {"broken": "refuse"}
    for part in ("also_test", "unlabelled"):
        split[part] = {name: _on_the_hub(file) for name, file in split.get(part, {}).items()}
    label = {"column": "label"} if keys["type"] == "regression" else keys["label"] | {"column": "label"}
    if "names" in label:
        label["values"] = list(range(len(label["names"])))
    return keys | {"columns": None, "text": HUB_TEXT.get(task, keys["text"]), "label": label, "split": split}


def write_official(task: str, folder: Path) -> None:
    """Files as GLUE's archive has them: no quoting, CoLA without a header, QQP with lines broken in two."""
    settings = entry(task)
    files = [settings["split"]["train"], settings["split"]["test"], *settings["split"].get("also_test", {}).values()]
    for file in files:
        lines = ["\t".join(_row(task, number, file)) for number in range(ROWS)]
        if task == "qqp":
            lines[7:8] = lines[7].split(" ", 1)
        if task != "cola":
            lines.insert(0, "\t".join(_header(task, file)))
        start = "\ufeff" if task == "mrpc" else ""
        (folder / file).write_text(start + "\n".join(lines) + "\n", encoding="utf-8")
    for file in settings["split"]["unlabelled"].values():
        lines = [[str(number), *(_text(file, side, number) for side in settings["text"])] for number in range(9)]
        content = "\n".join("\t".join(line) for line in [["index", *settings["text"]], *lines])
        (folder / file).write_text(content + "\n", encoding="utf-8")


def write_hub(task: str, folder: Path) -> None:
    """Parquet files as the hub's data set has them: labels are numbers, -1 where there are none."""
    settings = entry(task, hub=True)
    split = settings["split"]
    labels = len(settings["label"].get("names", ()))
    for file in [split["train"], split["test"], *split["also_test"].values(), *split["unlabelled"].values()]:
        known = file not in split["unlabelled"].values()
        rows = ROWS if known else 9
        columns: dict[str, Any] = {
            side: [_text(file, side, number) for number in range(rows)] for side in settings["text"]
        }
        columns["label"] = [_hub_label(number, labels) if known else -1 for number in range(rows)]
        columns["idx"] = list(range(rows))
        path = folder / file.replace("*", "00000-of-00001")
        path.parent.mkdir(exist_ok=True, parents=True)
        pq.write_table(pa.table(columns), path)


def _hub_label(number: int, labels: int) -> float | int:
    return number % labels if labels else number % 6 / 1.2


def _on_the_hub(file: str) -> str:
    if file == "AX.tsv":
        return "ax/test-*.parquet"
    return file.replace("dev", "validation").replace(".tsv", "-*.parquet")


def _header(task: str, file: str) -> list[str]:
    if task == "cola":
        return OFFICIAL[task]["columns"][file]
    header = HEADERS[task]
    if task == "mnli" and file != "train.tsv":  # five people's labels
        return [*header[:-1], *(f"label{judge}" for judge in range(2, 6)), "gold_label"]
    return header


def _row(task: str, number: int, file: str) -> list[str]:
    label = OFFICIAL[task]["label"]
    values = label.get("values") or label.get("names") or [f"{step / 1.2:.3f}" for step in range(6)]
    cells = {side: _text(file, side, number) for side in OFFICIAL[task]["text"]}
    cells[label["column"]] = str(values[number % len(values)])
    return [cells.get(name, str(number)) for name in _header(task, file)]


def _text(file: str, side: str, number: int) -> str:
    return f'"The {side} {number} of {file}, he said ""no'
