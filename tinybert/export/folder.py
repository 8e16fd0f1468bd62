"""What is taken away of a model: one folder that plain transformers, onnxruntime and transformers.js can read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from tinybert.errors import UserError
from tinybert.evaluate.deployed import Deployed
from tinybert.export.int8 import METHODS, quantise
from tinybert.export.onnx import write_onnx
from tinybert.metrics.calibration import calibration_error, fit_temperature
from tinybert.metrics.scores import predict, score
from tinybert.models.card import write_card
from tinybert.models.heads import head_of
from tinybert.models.loading import load_config, load_tokenizer
from tinybert.params.export import Export
from tinybert.params.tasks import METRICS
from tinybert.running.digests import digest
from tinybert.running.lineage import write_lineage
from tinybert.runtime.session import FACTS, FP32, INT8, Session
from tinybert.tokens.encoding import model_inputs

LIBRARIES = ("onnx", "onnxruntime")
"""Beside torch those whose version decides the bytes."""
Inputs = Mapping[str, np.ndarray]
Measure = Callable[[Session], float]
CALIBRATION = 128
"""Training texts from which static quantisation learns its ranges."""
PARITY = 200
"""Validation rows on which the logits of torch and of onnxruntime are compared."""
TOLERANCE = 1e-3
"""Of the largest logit: rounding gives a hundred-thousandth."""
PROBABLE = {*METRICS["classification"], *METRICS["multilabel"]}
"""Metrics of tasks whose answers have probabilities."""
DECIMALS = 6


def export_model(
    model_folder: Path,
    data: Path,
    folder: Path,
    place: Path,
    settings: Export,
    metric: str,
    max_length: int,
    stage: str,
) -> None:
    """Write an exported model to `folder`. Nothing is looked at on test rows.

    Args:
        model_folder: a student or a fine-tuned teacher.
        data: the task's, with `train.parquet` and `validation.parquet`.
        place: where the folder will lie, for its card.
        settings: of the task's `metric` int8 may cost `max_loss`.
        max_length: tokens of a text in the model's training, and from now on.
        stage: `stage@key`, for the lineage.

    Raises:
        UserError: the exported model says something else than the model.
    """
    head, tokenizer = head_of(load_config(model_folder)), load_tokenizer(model_folder)
    train, rows = (pd.read_parquet(data / f"{split}.parquet") for split in ("train", "validation"))
    model = head.load(model_folder)
    config, labels = model.config, head.labels(rows)
    said = head.answers(model, tokenizer, rows, max_length, progress="torch")
    logits = head.logits(model, tokenizer, rows[:PARITY], max_length)
    calibration = calibrate(model, labels, said) if metric in PROBABLE else None
    (folder / FP32).parent.mkdir()
    model.save_pretrained(folder)
    save_tokenizer(tokenizer, max_length, folder)
    if model._can_set_attn_implementation():  # the others have none but their own
        model.set_attn_implementation("eager")
    write_onnx(model, load_tokenizer(folder), folder / FP32)

    def answers(session: Session, progress: str = "") -> np.ndarray:
        return head.answers(Deployed(session, config), tokenizer, rows, max_length, progress)

    def inputs() -> Iterator[Inputs]:
        some = train.sample(min(len(train), CALIBRATION), random_state=0)
        examples, collate = head.examples(tokenizer, some, max_length)
        for example in examples:
            tensors = model_inputs(collate([example]))
            yield session.complete({name: tensor.numpy() for name, tensor in tensors.items()})

    session = Session(folder / FP32, threads=torch.get_num_threads())
    again = answers(session, progress="onnxruntime")
    exported = head.logits(Deployed(session, config), tokenizer, rows[:PARITY], max_length)
    scores = {name: score(metric, labels, each) for name, each in (("torch", said), ("onnx", again))}
    facts = {
        "metric": metric,
        "max_length": max_length,
        "validation": {"rows": len(rows)} | {name: round(value, DECIMALS) for name, value in scores.items()},
        "parity": {
            "largest_difference": require_parity(logits, exported, model_folder, config.model_type),
            "equal_answers": equal_answers(metric, said, again),
        },
        "calibration": calibration,
        "int8": quantise_within(
            settings, scores["onnx"], folder, inputs, lambda it: score(metric, labels, answers(it))
        ),
    }
    write_lineage(
        folder, stage, settings.model_dump() | {"metric": metric, "max_length": max_length},
        {"model": model_folder, "train": data / "train.parquet", "validation": data / "validation.parquet"},
        {name: version(name) for name in LIBRARIES},
    )  # fmt: skip
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    facts["files"] = {file.relative_to(folder).as_posix(): digest(file) for file in files}
    (folder / FACTS).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    write_card(folder, config, place, data.name, max_length)


def require_parity(own: np.ndarray, exported: np.ndarray, model: Path, family: str) -> float:
    """The largest difference of two models' logits, with one digit.

    Raises:
        UserError: it is more than rounding makes.
    """
    difference = float(np.abs(exported - own).max())
    if not difference <= TOLERANCE * max(1.0, float(np.abs(own).max())):
        raise UserError(
            f"{model}: its ONNX file gives logits that differ by {difference:.3g} from its own; set "
            f"another family than {family} as what it starts from"
        )
    return float(f"{difference:.1e}")


def equal_answers(metric: str, one: np.ndarray, other: np.ndarray) -> float:
    """The share of texts that two models answer alike; of numbers, within rounding."""
    if metric in METRICS["regression"]:
        same = np.isclose(one, other, rtol=0, atol=TOLERANCE * max(1.0, float(np.abs(one).max())))
    elif metric in METRICS["span"]:
        same = one == other
    else:
        same = predict(metric, one) == predict(metric, other)
    return round(float(same.reshape(len(same), -1).all(axis=1).mean()), DECIMALS)


def quantise_within(
    settings: Export, fp32: float, folder: Path, texts: Callable[[], Iterable[Inputs]], measure: Measure
) -> dict[str, Any]:
    """Keep the first of `METHODS` that costs no more than `max_loss` of the score `fp32`, and say what was tried.

    Args:
        texts: inputs of one text each, for static quantisation.
        measure: the score of a session on the validation rows.

    Returns:
        the method that is kept, None where none is, and what each that was tried scores.
    """
    tried, kept = [], None
    for method in METHODS if settings.int8 == "auto" else ():
        quantise(method, folder / FP32, folder / INT8, texts())
        found = measure(Session(folder / INT8, one_by_one=method == "dynamic", threads=1))
        loss = round(fp32 - found, DECIMALS)
        tried.append({"method": method, "score": round(found, DECIMALS), "loss": loss})
        print(f"  int8, {method}: costs {loss:g} on validation, at most {settings.max_loss:g} is kept")
        if loss <= settings.max_loss:
            kept = method
            break
        (folder / INT8).unlink()
    print(f"  what is taken away: ONNX in fp32{f', and in int8, {kept}' if kept else ' alone'}")
    return {"method": kept, "max_loss": settings.max_loss, "tried": tried}


def calibrate(model: PreTrainedModel, labels: np.ndarray, logits: np.ndarray) -> dict[str, float]:
    """Fit `label_temperature` on validation and put it into the model's config; what it changes."""
    model.config.label_temperature = temperature = fit_temperature(labels, logits)
    return {
        "temperature": temperature,
        "error_before": calibration_error(labels, logits),
        "error_after": calibration_error(labels, logits, temperature),
    }


def save_tokenizer(tokenizer: PreTrainedTokenizerBase, max_length: int, folder: Path) -> None:
    """One that pads nothing and cuts where the model was trained to: readers other than transformers do as it says."""
    tokenizer.model_max_length = max_length
    tokenizer.backend_tokenizer.no_padding()
    tokenizer.backend_tokenizer.enable_truncation(max_length)
    tokenizer.save_pretrained(folder)
