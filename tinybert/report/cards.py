"""Model cards with scores, in Markdown: reports/cards/<student>.md, as the Hugging Face hub reads them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from huggingface_hub import EvalResult, ModelCardData
from pydantic import BaseModel

from tinybert.report.deployables import deployables
from tinybert.report.gather import Evidence
from tinybert.report.rendering import environment

KINDS = {"span": ("question-answering", "QuestionAnswering")}
"""By type what the hub calls the model, and the end of its class's name."""
CLASSIFIER = ("text-classification", "SequenceClassification")
IDENTIFIERS = {"matthews": "matthews_correlation", "pearson": "pearsonr", "spearman": "spearmanr"}
IDENTIFIERS |= dict.fromkeys(("f1_micro", "f1_macro", "span_f1"), "f1")
"""What the hub calls a metric, where it isn't our name."""
LICENCE = "terms-of-what-it-is-made-of"


def render_card(student: Evidence) -> str:
    """The card of one student: what it is, how to use it, its numbers beside others', what it was made of and how."""
    kind, model_class = KINDS.get(student.type, CLASSIFIER)
    return (
        environment(escape=False)
        .get_template("card.md.j2")
        .render(
            vars(student)
            | {
                "result": student.result,
                "metadata": metadata(student, kind).to_yaml(),
                "model_class": model_class,
                "rows": [
                    each for each in deployables(student.name, student.result, student.speed).values() if each.scored
                ],
                "phases": list(phases(student)),
            }
        )
    )


def metadata(student: Evidence, kind: str) -> ModelCardData:
    """The front matter. The licence is left to who publishes: it depends on those of all that the model is made of."""
    result, rows_of = student.result, student.origins[0]
    where: dict[str, Any] = {"task_type": kind, "dataset_name": result.task, "dataset_split": "test"}
    scores = [(metric, metric, score) for metric, score in result.student.metrics.items()]
    for name, measured in (("ONNX", result.student.onnx), ("ONNX int8", result.student.int8)):
        if measured is not None:
            scores.append((result.metric, f"{result.metric}, {name}", measured.score))
    named = [(each.hub, each) for each in student.origins if each.hub]
    return ModelCardData(
        base_model=[hub for hub, each in named if {"teacher", "first weights"} & {*each.parts}] or None,
        datasets=[hub for hub, each in named if each.kind in ("corpus", "table")] or None,
        language=rows_of.known.language,
        library_name="transformers",
        license="other",
        license_name=LICENCE,
        pipeline_tag=kind,
        tags=["tinybert", "onnx", *(["distillation"] if student.distilled else [])],
        model_name=student.name,
        eval_results=[
            EvalResult(
                **where,
                dataset_type=rows_of.hub or result.task,
                metric_type=IDENTIFIERS.get(metric, metric),
                metric_name=name,
                metric_value=score,
            )
            for metric, name, score in scores
        ],
    )


def phases(student: Evidence) -> Iterator[dict[str, str]]:
    """The settings of each phase that was trained, by column."""
    general, own = student.general, student.settings
    trained: dict[str, tuple[BaseModel, BaseModel, str]] = {
        "general": (general.train, general, general.corpus),
        "intermediate": (own.intermediate, own.intermediate, own.intermediate.data),
        "prediction": (own.prediction, own.prediction, own.prediction.data),
    }
    for name, (training, settings, data) in trained.items():
        said = settings.model_dump() | training.model_dump()
        if said["epochs"]:
            losses = {loss: weight for loss, weight in said["losses"].items() if weight}
            yield {
                "phase": name,
                "data": data,
                "epochs": f"{said['epochs']:g}",
                "batch": f"{said['batch_size']}",
                "learning rate": f"{said['learning_rate']:g}",
                "losses": ", ".join(f"{loss} {weight:g}" for loss, weight in losses.items()),
                "layer map": f"{said['layer_map']}" if losses.keys() & {"hidden", "attention", "cls"} else "",
            }
