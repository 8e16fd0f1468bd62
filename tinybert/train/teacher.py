"""Fine-tuning of a task's teacher, as BERT was: linear warm-up and decay, the best epoch on validation kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from tinybert.errors import UserError
from tinybert.models.fit import require_length
from tinybert.models.inference import predict_logits
from tinybert.models.loading import head_config, load_classifier, load_config, load_tokenizer
from tinybert.params.tasks import Teacher
from tinybert.text.tokens import Padding, encode, model_inputs
from tinybert.train.curves import Curve
from tinybert.train.job import Job
from tinybert.train.trainer import Validation, no_training, train


class LabelObjective:
    """The ordinary loss on labels, as the model's own head computes it."""

    weights: Mapping[str, float] = {"labels": 1.0}

    def __call__(self, model: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {"labels": model(**model_inputs(batch), labels=batch["labels"]).loss}


def finetune_teacher(
    settings: Teacher,
    source: Path,
    data: Path,
    names: list[str] | None,
    score: Callable[[np.ndarray, np.ndarray], float],
    job: Job,
) -> None:
    """Fine-tune the model in `source` on a task and write it and its tokenizer to the job's folder.

    Args:
        data: folder of train.parquet and validation.parquet.
        names: of the classes in order; None for regression.
        score: the task's metric of labels and logits.

    Raises:
        UserError: `epochs: 0` and a checkpoint without the task's head, or a max_length above the model's positions.
    """
    require_length(load_config(source), job.max_length, source)
    tokenizer = load_tokenizer(source)
    torch.manual_seed(job.seed(settings))
    model = load_classifier(source, new_head=head_config(names) if settings.epochs else None)
    outputs = len(names) if names else 1
    if model.config.num_labels != outputs:
        raise UserError(
            f"{source}: this teacher has {model.config.num_labels} outputs and the task {outputs}; "
            f"set the task's teacher.epochs above 0 to fine-tune a new head"
        )
    rows = pd.read_parquet(data / "validation.parquet")
    labels = rows["label"].to_numpy()
    validation = Validation(
        lambda: score(labels, predict_logits(model, tokenizer, rows, job.max_length)),
        Curve(job.curves / "validation.csv", ["epoch", "score"]),
    )
    if settings.epochs:
        train(
            model,
            LabelObjective(),
            encode(tokenizer, pd.read_parquet(data / "train.parquet"), job.max_length),
            Padding(tokenizer.pad_token_id),
            settings,
            job,
            epochs=settings.epochs,
            validation=validation,
        )
    else:
        no_training(job)
        validation.curve.add({"epoch": 0, "score": validation.score()})
    model.save_pretrained(job.folder)
    tokenizer.save_pretrained(job.folder)
    job.write_lineage(settings, settings, {"from": source, "data": data}, {"parameters": model.num_parameters()})
