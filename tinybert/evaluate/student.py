"""One student's object of metrics.json, and what the report shows of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from tinybert.evaluate.attention_maps import compare_attention
from tinybert.evaluate.deployed import deployed_answers
from tinybert.evaluate.gathered import EXPORT
from tinybert.evaluate.predictions import DEPLOYED, agreement, answers, plain_answers
from tinybert.evaluate.schema import Examples, Measured, Reference, Result
from tinybert.evaluate.size import bert_base, sizes, weight_bytes
from tinybert.evaluate.submission import FOLDER as SUBMISSION
from tinybert.evaluate.submission import submission_lines, write_answers
from tinybert.metrics import scores as metrics
from tinybert.models import precision as precisions
from tinybert.models.cached_logits import cached_answers
from tinybert.models.heads import Head, head_of
from tinybert.models.loading import load_config, load_tokenizer
from tinybert.params.students import Student
from tinybert.params.tasks import Task
from tinybert.running.lineage import FILE as LINEAGE
from tinybert.running.lineage import read_lineage
from tinybert.runtime.session import FACTS, Session, open_exported

UNLABELLED = "unlabelled"
"""The folder of rows without labels, and their key in task.json (see `tinybert.tasks.prepare`)."""
PRECISION = torch.float32
"""Scores are those of fp32, whatever the models were trained in: it is what loading a student's folder gives its user,
so the score of metrics.json is the score of a plain loop over the test rows."""
DECIMALS = 6


def evaluate_student(
    student: Student,
    task: Task,
    teacher_folder: Path,
    student_folder: Path,
    exported: Sequence[Path],
    data: Path,
    seed: int,
    precision: str,
    metrics_file: Path,
    details: Path,
) -> None:
    """Measure a student beside its teacher on the test split.

    Args:
        exported: what is taken away of the two, see `tinybert.export.folder`.
        data: the task's original data, with `test.parquet` and `task.json`.
        seed: the run's, in case the student has none of its own; of the bootstrap too.
        precision: the run's, in case the student's lineage doesn't say what it was trained in.
        metrics_file: gets the student's object of metrics.json.
        details: a folder that gets, for the report, `test.parquet` (see `predictions.answers`), `deployed.parquet`
            (what exported models answer), `attention.json` (see `attention_maps.compare_attention`), `lineage.json` and
            `export.json`, the student's own, and, where the task has test sets without labels, `submission/<name>.tsv`
            of the student's predictions (`<name>.json` for span).

    A further test set adds `<metric>_<name>` to the metrics, such as `accuracy_mismatched`.
    """
    folders = {"teacher": teacher_folder, "student": student_folder}
    head = head_of(load_config(teacher_folder))
    models = {name: head.load(folder, PRECISION) for name, folder in folders.items()}
    with torch.device("meta"):  # a size needs no weights
        reference = bert_base(models["teacher"].config.num_labels, task.max_length)
    facts = json.loads((data / "task.json").read_text(encoding="utf-8"))
    lineage = read_lineage(student_folder)
    trained = lineage.get("facts", {})
    own_seed = student.prediction.seed if student.prediction.seed is not None else seed

    rows = pd.read_parquet(data / "test.parquet")
    labels = head.labels(rows)
    said = {name: cached_answers(folder, rows, task.max_length, PRECISION) for name, folder in folders.items()}
    further = {name: _further_scores(head, folder, task, facts, data) for name, folder in folders.items()}
    _predict_unlabelled(student_folder, task, facts, data, details)
    sessions = {
        f"{name}/{form}": session
        for name, folder in zip(folders, exported, strict=True)
        for form, session in open_exported(folder, torch.get_num_threads()).items()
    }
    deployed = {
        name: deployed_answers(session, head, models[name.split("/")[0]].config, rows, task.max_length, name)
        for name, session in sessions.items()
    }
    table = answers(rows, said["teacher"], said["student"], task.type, bool(task.label.no_answer))
    measured = {
        name: Measured(
            **_scores(task, labels, said[name], own_seed, further[name]),
            **sizes(models[name], weight_bytes(folder)),
            **_exported_scores(name, sessions, deployed, labels, task, own_seed),
        )
        for name, folder in folders.items()
    }
    kept = metrics.retention(measured["teacher"].score, measured["student"].score)
    small = measured["student"].int8
    kept_int8 = metrics.retention(measured["teacher"].score, small.score) if small else None
    interval = metrics.retention_interval(task.metric, labels, said["teacher"], said["student"], own_seed)
    result = Result(
        task=student.task,
        metric=task.metric,
        names=facts["names"],
        seed=own_seed,
        precision=trained.get("precision") or precisions.name(precisions.choose(precision)),
        max_length=task.max_length,
        teacher=measured["teacher"],
        student=measured["student"],
        reference=Reference(
            name="BERT-base's shape, random weights",
            **sizes(reference, PRECISION.itemsize * reference.num_parameters()),
        ),
        retention=None if kept is None else round(kept, DECIMALS),
        retention_ci95=interval and [round(end, DECIMALS) for end in interval],
        retention_int8=None if kept_int8 is None else round(kept_int8, DECIMALS),
        compression=round(measured["teacher"].bytes / measured["student"].bytes, DECIMALS),
        compression_int8=round(measured["teacher"].bytes / small.bytes, DECIMALS) if small else None,
        agreement=round(agreement(table, task.type), DECIMALS),
        # Whether augmented rows were used is known from how the student was made, not from what lies on disk.
        examples=Examples(**facts["rows"], augmented=trained.get("examples", {}).get("augmented", 0)),
    )
    tokenizer = load_tokenizer(teacher_folder)
    attention = compare_attention(models["teacher"], models["student"], tokenizer, rows, student.intermediate.layer_map)
    table.to_parquet(details / "test.parquet", index=False)
    plain = {name: plain_answers(each, task.type) for name, each in deployed.items()}
    pd.DataFrame(plain).to_parquet(details / DEPLOYED, index=False)
    (details / "attention.json").write_text(json.dumps(attention, ensure_ascii=False) + "\n", encoding="utf-8")
    shutil.copy(exported[1] / FACTS, details / EXPORT)
    (details / LINEAGE).write_text(json.dumps(lineage, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    metrics_file.write_text(json.dumps(result.model_dump(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"  {result.title}: teacher {result.teacher.score:.4f}, student {result.student.score:.4f}")


def _further_scores(head: Head, folder: Path, task: Task, facts: dict[str, Any], data: Path) -> dict[str, float]:
    """The task's metric of a model on the labelled test sets beside the test split, as `<metric>_<name>`."""
    scores = {}
    for further in facts.get("also_test", {}):
        rows = pd.read_parquet(data / f"test_{further}.parquet")
        said = cached_answers(folder, rows, task.max_length, PRECISION)
        scores[f"{task.metric}_{further}"] = metrics.score(task.metric, head.labels(rows), said)
    return scores


def _predict_unlabelled(student: Path, task: Task, facts: dict[str, Any], data: Path, details: Path) -> None:
    for name, part in facts.get(UNLABELLED, {}).items():
        rows = pd.read_parquet(data / UNLABELLED / f"{name}.parquet")
        said = cached_answers(student, rows, task.max_length, PRECISION)
        (details / SUBMISSION).mkdir(exist_ok=True)
        if task.type == "span":
            write_answers(rows["id"], said, details / SUBMISSION / f"{name}.json")
            continue
        lines = submission_lines(name, task.metric, part["labels"], said)
        (details / SUBMISSION / f"{name}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _exported_scores(
    who: str, sessions: dict[str, Session], said: dict[str, np.ndarray], labels: np.ndarray, task: Task, seed: int
) -> dict[str, Any]:
    """Of the ONNX files of teacher or student, each as it is served, by the names of speed.json."""
    found: dict[str, Any] = {}
    for form in (form for form in ("onnx", "int8") if f"{who}/{form}" in said):
        scores = _scores(task, labels, said[f"{who}/{form}"], seed, {})
        found[form] = {"bytes": sessions[f"{who}/{form}"].file.stat().st_size} | scores
        del found[form]["metrics"]
    if "int8" in found:
        interval = metrics.loss_interval(task.metric, labels, said[f"{who}/onnx"], said[f"{who}/int8"], seed)
        found["int8"] |= {
            "method": "dynamic" if sessions[f"{who}/int8"].one_by_one else "static",
            "loss": round(found["onnx"]["score"] - found["int8"]["score"], DECIMALS),
            "loss_ci95": [round(end, DECIMALS) for end in interval],
        }
    return found


def _scores(task: Task, labels: np.ndarray, logits: np.ndarray, seed: int, further: dict[str, float]) -> dict[str, Any]:
    found = metrics.all_scores(task.type, labels, logits) | further
    scores = {name: round(score, DECIMALS) for name, score in found.items()}
    interval = metrics.confidence_interval(task.metric, labels, logits, seed)
    return {"score": scores[task.metric], "ci95": [round(end, DECIMALS) for end in interval], "metrics": scores}
