"""A project folder with made-up evidence, as the stages before the report would have left it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tinybert.evaluate.predictions import answers
from tinybert.params.experiment import Experiment

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
) -> None:
    """Everything on disk about one student of the task `movies`. `names` None makes it a regression.

    Args:
        more: replaces keys of its object of metrics.json; `texts` replaces the sentences of the test split.
    """
    texts = more.pop("texts", SENTENCES)
    regression = names is None
    result = make_result(score, parameters, names) | more
    _write(root / f"evaluation/{name}.json", json.dumps(result))
    rng = np.random.default_rng(len(name))
    folder = root / "data/predictions" / name
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
    terms = ["embedding", *(f"{kind}.{layer}" for kind in ("hidden", "attention") for layer in (1, 2, 3, 4))]
    write_losses(root / "curves/general/tinybert4/losses.csv", terms)
    write_losses(root / "curves/intermediate" / name / "losses.csv", terms)
    write_losses(root / "curves/prediction" / name / "losses.csv", ["logits"])
    write_losses(root / "curves/teachers/movies/losses.csv", ["labels"])
    for curve in (f"prediction/{name}", "teachers/movies"):
        _write(root / "curves" / curve / "validation.csv", f"epoch,score\n1,{score - 0.02}\n2,{score}\n")


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
            "latency_ms": {"batch1": count / 1e6, "batch32": count / 5e4},
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
        "teacher": teacher,
        "student": model(score, parameters),
        "reference": reference,
        "latency": {"threads": 2, "precision": "fp32", "max_length": 64},
        "retention": round(score / 0.86, 6),
        "retention_ci95": [round((score - 0.01) / 0.86, 6), round((score + 0.01) / 0.86, 6)],
        "compression": round(22_713_986 / parameters, 6),
        "speedup": {"batch1": round(22_713_986 / parameters, 3), "batch32": round(22_713_986 / parameters, 3)},
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


def write_augmentation(root: Path, original: str, variant: str) -> None:
    report = {
        "counts": {"rows": 7423, "copies": 22269, "augmented": 22001},
        "examples": [{"row": 0, "original": [original], "variants": [[variant]]}],
    }
    _write(root / "data/augmented/movies/report.json", json.dumps(report))


def _type(regression: bool) -> str:
    return "regression" if regression else "classification"


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
