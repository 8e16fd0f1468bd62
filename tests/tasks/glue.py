"""GLUE's nine tasks: their entries for the hub's files, as the paper's preset has them, and for the official ones, and
tiny files in both forms.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from ruamel.yaml import YAML

from tests.import_closure import ROOT

ROWS, UNLABELLED = 60, 9
TASKS = YAML(typ="safe").load(ROOT / "presets/paper-glue.yaml")["tasks"]

HEADERS = {
    "cola": "source,label,mark,sentence",
    "sst2": "sentence,label",
    "mrpc": "Quality,#1 ID,#2 ID,#1 String,#2 String",
    "stsb": "index,genre,filename,year,old_index,source1,source2,sentence1,sentence2,score",
    "qqp": "id,qid1,qid2,question1,question2,is_duplicate",
    "mnli": "index,promptID,pairID,genre,sentence1_binary_parse,sentence2_binary_parse,"
    "sentence1_parse,sentence2_parse,sentence1,sentence2,label1,gold_label",
    "qnli": "index,question,sentence,label",
    "rte": "index,sentence1,sentence2,label",
    "wnli": "index,sentence1,sentence2,label",
}
LABELS = {"mrpc": "Quality", "stsb": "score", "qqp": "is_duplicate", "mnli": "gold_label"}
TEXTS = {"mrpc": ["#1 String", "#2 String"], "mnli": ["sentence1", "sentence2"]}
"""Columns of the official files, and those that are called otherwise on the hub."""


def entry(task: str, hub: bool) -> dict[str, Any]:
    """The task's entry of params.yaml."""
    keys = TASKS[task]
    split = keys["split"] | {"validation": 0.1}  # a fiftieth of 60 rows is too few to be split
    if hub:
        return keys | {"split": split}
    split |= {part: _official(split[part]) for part in ("train", "test")}
    for part in ("also_test", "unlabelled"):
        split[part] = {name: _official(file) for name, file in split.get(part, {}).items()}
    split["broken"] = "skip" if task == "qqp" else "refuse"
    label = keys["label"] | {"column": LABELS.get(task, "label")}
    if task in ("mnli", "qnli", "rte"):
        del label["values"]
    columns = dict.fromkeys(("train.tsv", "dev.tsv"), HEADERS[task].split(",")) if task == "cola" else None
    return keys | {"columns": columns, "text": TEXTS.get(task, keys["text"]), "label": label, "split": split}


def write_official(task: str, folder: Path) -> None:
    """Files as GLUE's archive has them: no quoting, CoLA without a header, QQP with lines broken in two."""
    settings = entry(task, hub=False)
    split, label = settings["split"], settings["label"]
    values = label.get("values") or label.get("names") or [f"{step / 1.2:.3f}" for step in range(6)]
    header = HEADERS[task].split(",")
    for file in (split["train"], split["test"], *split["also_test"].values()):
        lines = []
        for number in range(ROWS):
            cells = dict.fromkeys(header, str(number)) | _texts(settings, file, number)
            lines.append("\t".join((cells | {label["column"]: str(values[number % len(values)])}).values()))
        if task == "qqp":
            lines[7:8] = lines[7].split(" ", 1)
        if task != "cola":
            lines.insert(0, "\t".join(header))
        start = "\ufeff" if task == "mrpc" else ""
        (folder / file).write_text(start + "\n".join(lines) + "\n", encoding="utf-8")
    for file in split["unlabelled"].values():
        lines = ["\t".join(("index", *settings["text"]))]
        lines += ["\t".join((str(number), *_texts(settings, file, number).values())) for number in range(UNLABELLED)]
        (folder / file).write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_hub(task: str, folder: Path) -> None:
    """Parquet files as the hub's data set has them: labels are numbers, -1 where there are none."""
    settings = entry(task, hub=True)
    split, classes = settings["split"], len(settings["label"].get("names", ()))
    for file in (split["train"], split["test"], *split.get("also_test", {}).values(), *split["unlabelled"].values()):
        known = file not in split["unlabelled"].values()
        rows = [
            {"label": (number % classes if classes else number % 6 / 1.2) if known else -1, "idx": number}
            | _texts(settings, file, number)
            for number in range(ROWS if known else UNLABELLED)
        ]
        path = folder / file.replace("*", "00000-of-00001")
        path.parent.mkdir(exist_ok=True, parents=True)
        pq.write_table(pa.Table.from_pylist(rows), path)


def _official(file: str) -> str:
    folder, name = file.split("/")
    return "AX.tsv" if folder == "ax" else name.replace("validation", "dev").replace("-*.parquet", ".tsv")


def _texts(settings: dict[str, Any], file: str, number: int) -> dict[str, str]:
    return {side: f'"The {side} {number} of {file}, he said ""no' for side in settings["text"]}
