"""A project folder with made-up evidence, as the stages before the report would have left it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tests.smoke import ROOT
from tinybert.evaluate.contenders import Contenders
from tinybert.evaluate.predictions import DEPLOYED, answers
from tinybert.evaluate.schema import Result, read_checked
from tinybert.evaluate.speed import measure_speed
from tinybert.evaluate.student import evaluate_student
from tinybert.evaluate.undistilled import fit_alternatives
from tinybert.export.folder import export_model
from tinybert.params.experiment import Experiment
from tinybert.params.export import Export
from tinybert.params.students import Student
from tinybert.params.table import read_yaml
from tinybert.params.tasks import Task

SENTENCES = (
    "a moving film that never begs for its tears",
    "the plot is as thin as the paper it was written on",
    "funny, sharp and over far too soon",
    "two hours of noise in search of a story",
    "she carries every scene with quiet force",
    "it wants to be clever and settles for loud",
)
ROWS = 60
ALTERNATIVES = {"tfidf": 600_000, "static": 15_600_000}
"""What would be shipped without distilling, and its bytes."""


def phase(data: str = "augmented", epochs: int = 2, **losses: float) -> dict[str, Any]:
    return {"data": data, "epochs": epochs, "batch_size": 32, "learning_rate": 1e-4, "losses": losses}


def student(task: str = "movies", distilled: bool = True) -> dict[str, Any]:
    return {
        "task": task,
        "general": "tinybert4" if distilled else "scratch",
        "intermediate": phase(hidden=1.0) if distilled else phase("original", 0),
        "prediction": phase(logits=1.0) if distilled else phase("original", labels=1.0),
        "export": {},
    }


def experiment(students: dict[str, Any], regression: bool = False) -> Experiment:
    """These students in the experiment of params.yaml, all their tasks being its own."""
    made = read_yaml(ROOT / "params.yaml")
    general, task = made["general"]["tinybert4"], made["tasks"]["movies"]
    if regression:
        task |= {"type": "regression", "metric": "pearson", "label": {"column": "rating"}}
    scratch = general | {"train": general["train"] | {"epochs": 0}}
    return Experiment.model_validate(
        made
        | {
            "name": "made-up",
            "general": {"tinybert4": general, "scratch": scratch},
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
    texts: tuple[str, ...] = SENTENCES,
    **more: Any,
) -> Path:
    """Everything on disk about one student of the task `movies`, and the folder that evaluate gathered.

    Args:
        names: None makes it a regression.
        texts: those of the test split.
        more: replaces keys of its object of metrics.json.
    """
    own = root / "evaluation/made-up"
    folder = own / "gathered" / name
    folder.mkdir(parents=True)
    _write(own / f"{name}.json", make_result(score, parameters, names) | {"alternatives": None} | more)
    _write(own / f"speed/{name}.json", make_speed(22_713_986 / parameters))
    rng = np.random.default_rng(len(name))
    rows = pd.DataFrame({"text": [texts[index % len(texts)] for index in range(ROWS)]})
    teacher, noise = rng.normal(size=(2, ROWS, len(names or "1"))).astype(np.float32)
    rows["label"] = rng.integers(0, len(names), ROWS) if names else teacher[:, 0].astype(float)
    table = answers(rows, teacher, teacher + noise, "classification" if names else "regression")
    table.to_parquet(folder / "test.parquet", index=False)
    exported = {f"{who}/onnx": table[who] for who in ("teacher", "student")} | {"student/int8": table["student"]}
    pd.DataFrame(exported).to_parquet(folder / DEPLOYED, index=False)
    task = own / "alternatives" / more.get("task", "movies")
    _write(task.with_suffix(".json"), make_alternatives())
    pd.DataFrame({key: list(noise) for key in ALTERNATIVES}).to_parquet(task.with_suffix(".parquet"))
    tokens = ["[CLS]", *texts[0].split()[:8], "[SEP]"]
    maps = [
        {"name": label}
        | {who: rng.dirichlet([0.4] * len(tokens), len(tokens)).round(3).tolist() for who in ("teacher", "student")}
        for label in ("mean of 12 heads", "head 2", "head 5", "head 11")
    ]
    _write(folder / "attention.json", {"tokens": tokens, "teacher_layer": 6, "student_layer": 4, "maps": maps})
    _write(folder / "lineage.json", make_lineage(name))
    calibration = {"temperature": 1.4, "error_before": 0.081, "error_after": 0.023} if names else None
    _write(folder / "export.json", {"calibration": calibration, "files": {"onnx/model.onnx": "0f" * 32}})
    _write(folder / "task.json", {"dropped": {}, "conflicting": 0, "names": names, "classes": None})
    terms = ["embedding", *(f"{kind}.{layer}" for kind in ("hidden", "attention") for layer in (1, 2, 3, 4))]
    for part, of in (("general", terms), ("intermediate", terms), ("prediction", ["logits"]), ("teacher", ["labels"])):
        write_losses(folder / "curves" / part / "losses.csv", of)
    for part in ("prediction", "teacher"):
        _write(folder / "curves" / part / "validation.csv", f"epoch,score\n1,{score - 0.02}\n2,{score}\n")
    return folder


def make_speed(faster: float) -> dict[str, Any]:
    def times(ratio: float) -> dict[str, Any]:
        of_ratio = {"times_faster": ratio, "ci95": [0.95 * ratio, 1.05 * ratio], "rounds": 15}
        batches = {"batch1": 20.0, "batch32": 300.0, "batch1_full": 30.0, "batch32_full": 500.0}
        of_batches = {what: {"ms": ms / ratio, "p99_ms": 2 * ms / ratio} | of_ratio for what, ms in batches.items()}
        return of_batches | {"texts_per_core_second": 25 * ratio}

    ratios = {"teacher/torch": 1.0, "student/torch": faster, "student/twin": faster, "bert-base/torch": 0.2}
    ratios |= {"teacher/onnx": 1.5, "student/onnx": 1.5 * faster, "tfidf": 90.0, "static": 80.0}
    return {
        "machine": {"processor": "Abacus 9", "instructions": "avx2", "threads": 2},
        "reference": "teacher/torch",
        "models": {name: times(ratio) for name, ratio in ratios.items()}
        | {"student/int8": times(3 * faster) | {"batch32": None, "batch32_full": None}},
        "twin": {"times_faster": 1.0, "interval": [0.99, 1.01], "level": 0.999},
    }


def make_result(score: float, parameters: int, names: list[str] | None) -> dict[str, Any]:
    metrics = ("accuracy", "f1", "matthews") if names is not None else ("pearson", "spearman")

    def size(count: int) -> dict[str, int]:
        return {"parameters": count, "encoder_parameters": count // 2, "flops": 100 * count, "bytes": 4 * count}

    def model(value: float, count: int) -> dict[str, Any]:
        interval = [value - 0.015, value + 0.015]
        scores = {"score": value, "ci95": interval, "metrics": dict.fromkeys(metrics, value)}
        return (
            scores
            | size(count)
            | {"onnx": {"score": value, "ci95": interval, "bytes": 4 * count + 60_000}, "int8": None}
        )

    int8 = {
        "score": score - 0.001,
        "ci95": [score - 0.016, score + 0.014],
        "bytes": parameters,
        "method": "dynamic",
        "loss": 0.001,
        "loss_ci95": [-0.002, 0.004],
    }

    return {
        "task": "movies",
        "variant": None,
        "metric": metrics[0],
        "names": names,
        "seed": 42,
        "precision": "bf16",
        "max_length": 64,
        "teacher": model(0.86, 22_713_986),
        "student": model(score, parameters) | {"int8": int8},
        "reference": {"name": "BERT-base's shape, random weights"} | size(109_483_778),
        "retention": round(score / 0.86, 6),
        "retention_ci95": [round((score - 0.01) / 0.86, 6), round((score + 0.01) / 0.86, 6)],
        "retention_int8": round((score - 0.001) / 0.86, 6),
        "compression": round(22_713_986 / parameters, 6),
        "compression_int8": round(4 * 22_713_986 / parameters, 6),
        "agreement": 0.93,
        "alternatives": make_alternatives(),
        "paired": None,
        "examples": {"train": 7423, "augmented": 22001, "validation": 1060, "test": 2121},
    }


def make_alternatives() -> dict[str, Any]:
    return {name: {"score": 0.77, "ci95": [0.75, 0.79], "bytes": size} for name, size in ALTERNATIVES.items()}


def make_lineage(name: str) -> dict[str, Any]:
    general = {
        "stage": "general-distill@tinybert4",
        "params": {"seed": 42, "initialise": "random"},
        "facts": {"blocks": 10_000},
        "inputs": {"corpus": {"path": "data/sources/wikipedia", "sha256": "c0" * 32}},
    }
    return {
        "stage": f"prediction-distill@{name}",
        "params": {"epochs": 2, "learning_rate": 1e-4},
        "facts": {"examples": {"augmented": 22001}},
        "inputs": {"student": {"path": "models/general/tinybert4", "sha256": "9a" * 32, "lineage": general}},
    }


def write_losses(file: Path, terms: list[str], steps: int = 100) -> None:
    """A curve of `steps` rows that falls; with no steps the header alone."""
    curve = pd.DataFrame({"step": np.arange(1, steps + 1)})
    curve["epoch"] = curve["step"] / 50
    for number, term in enumerate(["loss", *terms]):
        curve[term] = (number or 3) / (curve["step"] + 5)
    _write(file, curve.to_csv(index=False))


def write_augmentation(folder: Path, original: str, variant: str) -> None:
    """What evaluate gathers where a student learns from augmented rows: examples, and the curve of the masked model."""
    counts = {"rows": 7423, "copies": 22269, "augmented": 22001}
    examples = [{"row": 0, "original": [original], "variants": [[variant]]}]
    _write(folder / "augmentation.json", {"counts": counts, "examples": examples})
    _write(folder / "curves/mlm/validation.csv", "step,accuracy\n0,0.011\n250,0.242\n")


def export(data: Path, task: Task, *models: Path) -> list[Path]:
    """What is taken away of these models, in folders beside them; any loss will do."""
    folders = [model.with_name(f"{model.name}-exported") for model in models]
    for model, folder in zip(models, folders, strict=True):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        export_model(model, data, folder, folder, Export(max_loss=1.0), task.metric, task.max_length, "export@made-up")
    return folders


def fit(task: Task, teacher: Path, data: Path, folder: Path) -> None:
    """What would be shipped without distilling; scores and answers are written beside it."""
    files = folder.with_suffix(".json"), folder.with_suffix(".parquet")
    for path in (folder, *files):
        path.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir()
    fit_alternatives(task, teacher, data, 42, "alternatives@made-up", folder, *files)


def measure(own: Path, name: str, student: Student, task: Task, teacher: Path, folder: Path, data: Path) -> Result:
    """Do what export, evaluate and speed do with a student, in the experiment's own folder, but for the curves."""
    details = own / "gathered" / name
    for each in (details, own / "speed"):
        each.mkdir(parents=True, exist_ok=True)
    numbers = own / f"{name}.json"
    exported = export(data, task, teacher, folder)
    evaluate_student(
        student, task, teacher, folder, exported, data,
        seed=42, precision="fp32", metrics_file=numbers, details=details,
    )  # fmt: skip
    shutil.copy(data / "task.json", details)
    alternatives = own / "alternatives" / student.task
    fit(task, teacher, data, alternatives)
    contenders = Contenders(teacher, folder, exported, alternatives, data / "test.parquet", task.max_length)
    measure_speed(contenders, own / f"speed/{name}.json")
    return read_checked(numbers, Result, "evaluate")


def _write(file: Path, content: str | dict[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
