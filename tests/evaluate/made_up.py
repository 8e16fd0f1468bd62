"""A project folder with made-up evidence, as the stages before the report would have left it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tinybert.evaluate.predictions import answers
from tinybert.evaluate.schema import Result, read_checked
from tinybert.evaluate.speed import measure_speed
from tinybert.evaluate.student import evaluate_student
from tinybert.params.experiment import Experiment
from tinybert.params.students import Student
from tinybert.params.tasks import Task

SENTENCES = (
    "a moving film that never begs for its tears",
    "the plot is as thin as the paper it was written on",
    "funny, sharp and over far too soon",
    "two hours of noise in search of a story",
    "she carries every scene with quiet force",
    "it wants to be clever and settles for loud",
)
OPTIMISATION = {"batch_size": 32, "learning_rate": 1e-4}


def phase(data: str = "augmented", epochs: int = 2, **losses: float) -> dict[str, Any]:
    return {"data": data, "epochs": epochs, **OPTIMISATION, "losses": losses}


def student(task: str = "movies", distilled: bool = True) -> dict[str, Any]:
    return {
        "task": task,
        "general": "tinybert4" if distilled else "scratch",
        "intermediate": phase(hidden=1.0) if distilled else phase("original", 0),
        "prediction": phase(logits=1.0) if distilled else phase("original", labels=1.0),
    }


def experiment(students: dict[str, Any], regression: bool = False) -> Experiment:
    pretrained = {"package": "a==1", "file": "a.whl", "sha256": "0" * 64, "members": ["a"]}
    general = {
        "corpus": "wikipedia",
        "teacher": "minilm",
        "start": "minilm",
        "architecture": "tinybert4",
        "initialise": "random",
        "losses": {"hidden": 1.0},
    }
    train = {**OPTIMISATION, "max_length": 64}
    task = {
        "source": "table",
        "type": "regression" if regression else "classification",
        "columns": None,
        "text": ["text"],
        "label": {"column": "rating"},
        "split": {"test": 0.2, "validation": 0.1},
        "metric": "pearson" if regression else "accuracy",
        "max_length": 64,
        "teacher": {"from": "minilm", "epochs": 2, **OPTIMISATION},
        "mlm": {"from": "minilm", "corpus": "wikipedia", "steps": 0, **OPTIMISATION},
        "augment": {"copies": 1, "vectors": "glove"},
    }
    kinds = {"wikipedia": "corpus", "minilm": "model", "glove": "vectors", "table": "table"}
    return Experiment.model_validate(
        {
            "name": "made-up",
            "seed": 42,
            "precision": "auto",
            "downloads": {key: {"kind": kind, **pretrained} for key, kind in kinds.items()},
            "files": {},
            "general": {
                "tinybert4": {**general, "train": {**train, "epochs": 2}},
                "scratch": {**general, "train": {**train, "epochs": 0}},
            },
            "tasks": dict.fromkeys({entry["task"] for entry in students.values()}, task),
            "students": students,
        }
    )


def write_evidence(
    root: Path,
    name: str,
    score: float = 0.85,
    parameters: int = 14_350_874,
    names: list[str] | None = None,
    **more: Any,
) -> Path:
    """Everything on disk about one student of the task `movies`. `names` None makes it a regression.

    Args:
        more: replaces keys of its object of metrics.json; `texts` replaces the sentences of the test split.

    Returns:
        the folder that evaluate gathered.
    """
    texts = more.pop("texts", SENTENCES)
    regression = names is None
    own = root / "evaluation/made-up"
    folder = own / "gathered" / name
    _write(own / f"{name}.json", json.dumps(make_result(score, parameters, names) | more))
    _write(own / f"speed/{name}.json", json.dumps(make_speed(22_713_986 / parameters)))
    rng = np.random.default_rng(len(name))
    rows = pd.DataFrame({"text": [texts[index % len(texts)] for index in range(60)]})
    width = 1 if names is None else len(names)
    teacher = rng.normal(size=(60, width)).astype(np.float32)
    rows["label"] = teacher[:, 0].astype(float) if regression else rng.integers(0, width, 60)
    folder.mkdir(parents=True)
    table = answers(rows, teacher, teacher + rng.normal(size=(60, width)).astype(np.float32), _type(regression))
    table.to_parquet(folder / "test.parquet", index=False)
    tokens = ["[CLS]", *texts[0].split()[:8], "[SEP]"]
    weights = [rng.dirichlet([0.4] * len(tokens), size=len(tokens)).round(3).tolist() for _ in range(8)]
    maps = [
        {"name": label, "teacher": weights[2 * index], "student": weights[2 * index + 1]}
        for index, label in enumerate(("mean of 12 heads", "head 2", "head 5", "head 11"))
    ]
    attention = {"tokens": tokens, "teacher_layer": 6, "student_layer": 4, "maps": maps}
    _write(folder / "attention.json", json.dumps(attention))
    _write(folder / "lineage.json", json.dumps(make_lineage(name)))
    _write(folder / "task.json", json.dumps({"dropped": {}, "conflicting": 0, "names": names, "classes": None}))
    terms = ["embedding", *(f"{kind}.{layer}" for kind in ("hidden", "attention") for layer in (1, 2, 3, 4))]
    for part, of in (("general", terms), ("intermediate", terms), ("prediction", ["logits"]), ("teacher", ["labels"])):
        write_losses(folder / "curves" / part / "losses.csv", of)
    for part in ("prediction", "teacher"):
        _write(folder / "curves" / part / "validation.csv", f"epoch,score\n1,{score - 0.02}\n2,{score}\n")
    return folder


def make_speed(faster: float) -> dict[str, Any]:
    def times(ratio: float) -> dict[str, Any]:
        return {
            what: {
                "ms": ms / ratio,
                "p99_ms": 2 * ms / ratio if what.startswith("batch1") else None,
                "times_faster": ratio,
                "ci95": [0.95 * ratio, 1.05 * ratio],
                "rounds": 15,
            }
            for what, ms in (("batch1", 20.0), ("batch32", 300.0), ("batch1_full", 30.0), ("batch32_full", 500.0))
        }

    ratios = {"teacher/torch": 1.0, "student/torch": faster, "student/twin": faster, "bert-base/torch": 0.2}
    return {
        "machine": {"processor": "Abacus 9", "instructions": "avx2", "threads": 2},
        "reference": "teacher/torch",
        "models": {name: times(ratio) for name, ratio in ratios.items()},
        "twin": {"times_faster": 1.0, "interval": [0.99, 1.01], "level": 0.999},
    }


def make_result(score: float, parameters: int, names: list[str] | None) -> dict[str, Any]:
    metrics = ("accuracy", "f1", "matthews") if names is not None else ("pearson", "spearman")

    def model(value: float, count: int) -> dict[str, Any]:
        return {
            "score": value,
            "ci95": [value - 0.015, value + 0.015],
            "metrics": dict.fromkeys(metrics, value),
            "parameters": count,
            "encoder_parameters": count // 2,
            "flops": 100 * count,
            "bytes": 4 * count,
        }

    teacher = model(0.86, 22_713_986)
    reference = {"name": "BERT-base's shape, random weights", **model(0.5, 109_483_778)}
    for key in ("score", "ci95", "metrics"):
        del reference[key]
    return {
        "task": "movies",
        "variant": None,
        "metric": metrics[0],
        "names": names,
        "seed": 42,
        "precision": "bf16",
        "max_length": 64,
        "teacher": teacher,
        "student": model(score, parameters),
        "reference": reference,
        "retention": round(score / 0.86, 6),
        "retention_ci95": [round((score - 0.01) / 0.86, 6), round((score + 0.01) / 0.86, 6)],
        "compression": round(22_713_986 / parameters, 6),
        "agreement": 0.93,
        "examples": {"train": 7423, "augmented": 22001, "validation": 1060, "test": 2121},
    }


def make_lineage(name: str) -> dict[str, Any]:
    corpus = {"path": "data/sources/wikipedia", "sha256": "c0" * 32}
    general = {
        "stage": "general-distill@tinybert4",
        "params": {"seed": 42, "initialise": "random"},
        "facts": {"blocks": 10_000},
        "inputs": {"corpus": corpus, "teacher": {"path": "data/sources/minilm", "sha256": "4e" * 32}},
    }
    return {
        "stage": f"prediction-distill@{name}",
        "params": {"epochs": 2, "learning_rate": 1e-4},
        "facts": {"examples": {"augmented": 22001}},
        "inputs": {"student": {"path": "models/general/tinybert4", "sha256": "9a" * 32, "lineage": general}},
    }


def write_losses(file: Path, terms: list[str], steps: int = 100) -> None:
    """A curve of `steps` rows that falls; with no steps the header alone."""
    rows = [
        {"step": step, "epoch": step / 50, "loss": 3 / (step + 5)}
        | {term: (index + 1) / (step + 5) for index, term in enumerate(terms)}
        for step in range(1, steps + 1)
    ]
    _write(file, pd.DataFrame(rows, columns=["step", "epoch", "loss", *terms]).to_csv(index=False))


def write_augmentation(folder: Path, original: str, variant: str) -> None:
    """What evaluate gathers where a student learns from augmented rows: examples, and the curve of the masked model."""
    report = {
        "counts": {"rows": 7423, "copies": 22269, "augmented": 22001},
        "examples": [{"row": 0, "original": [original], "variants": [[variant]]}],
    }
    _write(folder / "augmentation.json", json.dumps(report))
    _write(folder / "curves/mlm/validation.csv", "step,accuracy\n0,0.011\n250,0.242\n")


def measure(own: Path, name: str, student: Student, task: Task, teacher: Path, folder: Path, data: Path) -> Result:
    """Do what the stages evaluate and speed do with a student, in the experiment's own folder, but for the curves."""
    details = own / "gathered" / name
    for each in (details, own / "speed"):
        each.mkdir(parents=True, exist_ok=True)
    numbers = own / f"{name}.json"
    evaluate_student(
        student, task, teacher, folder, data, seed=42, precision="fp32", metrics_file=numbers, details=details
    )
    shutil.copy(data / "task.json", details)
    measure_speed(teacher, folder, data / "test.parquet", task.max_length, own / f"speed/{name}.json")
    return read_checked(numbers, Result, "evaluate")


def _type(regression: bool) -> str:
    return "regression" if regression else "classification"


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
