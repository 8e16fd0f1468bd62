"""Fine-tuning of a task's teacher, as BERT was: linear warm-up and decay, the best epoch on validation kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from tinybert.errors import UserError
from tinybert.lineage import write_lineage
from tinybert.models import precision as precisions
from tinybert.models.fit import require_length
from tinybert.models.inference import predict_logits
from tinybert.models.loading import MULTILABEL, head_config, load_classifier, load_config, load_tokenizer
from tinybert.params.tasks import Teacher
from tinybert.text.tokens import Padding, encode, label_array, model_inputs
from tinybert.train.curves import Curve
from tinybert.train.trainer import Validation, train


class LabelObjective:
    """The ordinary loss on labels, as the model's own head computes it."""

    weights: Mapping[str, float] = {"labels": 1.0}

    def __call__(self, model: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        labels = batch["labels"].float() if batch["labels"].ndim == 2 else batch["labels"]
        return {"labels": model(**model_inputs(batch), labels=labels).loss}


def finetune_teacher(
    key: str,
    settings: Teacher,
    source: Path,
    data: Path,
    names: list[str] | None,
    score: Callable[[np.ndarray, np.ndarray], float],
    *,
    max_length: int,
    seed: int,
    precision: str,
    folder: Path,
    curves: Path,
    multilabel: bool = False,
) -> None:
    """Fine-tune the model in `source` on a task and write it and its tokenizer to `folder`.

    Args:
        data: folder of train.parquet and validation.parquet.
        names: of the classes in order; None for regression.
        score: the task's metric of labels and logits.
        multilabel: whether a text may have any number of the classes.

    Raises:
        UserError: `epochs: 0` and a checkpoint without the task's head, or a max_length above the model's positions.
    """
    require_length(load_config(source), max_length, source)
    tokenizer = load_tokenizer(source)
    torch.manual_seed(settings.seed if settings.seed is not None else seed)
    model = load_classifier(source, new_head=head_config(names, multilabel) if settings.epochs else None)
    outputs = len(names) if names else 1
    if model.config.num_labels != outputs:
        raise UserError(
            f"{source}: this teacher has {model.config.num_labels} outputs and the task {outputs}; "
            f"set tasks.{key}.teacher.epochs above 0 to fine-tune a new head"
        )
    if multilabel:
        model.config.problem_type = MULTILABEL  # a checkpoint of the user's may not say so; its students learn it here
    rows = pd.read_parquet(data / "validation.parquet")
    labels = label_array(rows)
    validation = Validation(
        lambda: score(labels, predict_logits(model, tokenizer, rows, max_length)),
        Curve(curves / "validation.csv", ["epoch", "score"]),
    )
    if settings.epochs:
        train(
            model,
            LabelObjective(),
            encode(tokenizer, pd.read_parquet(data / "train.parquet"), max_length),
            Padding(tokenizer.pad_token_id),
            settings,
            epochs=settings.epochs,
            seed=seed,
            precision=precision,
            curves=curves,
            validation=validation,
        )
    else:
        Curve(curves / "losses.csv", ["step", "epoch", "loss"])
        validation.curve.add({"epoch": 0, "score": validation.score()})
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    write_lineage(
        folder,
        f"finetune-teacher@{key}",
        settings.model_dump(by_alias=True) | {"seed": seed, "precision": precision, "max_length": max_length},
        {"from": source, "data": data},
        {"precision": precisions.name(precisions.choose(precision)), "parameters": model.num_parameters()},
    )
