"""What a preset of the paper's size takes: hours, from steps with random weights, and memory and disk."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import torch
import typer
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.flop_counter import FlopCounterMode
from transformers import BertConfig, BertForMaskedLM, BertForSequenceClassification, BertModel

from tinybert.distill.losses.objective import LAYER_LOSSES, RECORDED, DistillationObjective
from tinybert.models.initialise import with_masked_head
from tinybert.models.precision import choose
from tinybert.models.shape import layer_pairs, shape_of, student_config
from tinybert.models.signals import Projections, SignalModel, StudentModel
from tinybert.params.architectures import Architecture
from tinybert.params.experiment import Experiment, load_experiment
from tinybert.params.general import General
from tinybert.params.students import Phase
from tinybert.params.tasks import Task
from tinybert.tokens.encoding import TEACHER_LOGITS
from tinybert.tokens.masking import MASKED_LABELS, UNMASKED

Batch = Mapping[str, Tensor]
Loss = Callable[[Batch], Tensor]
BASE = shape_of(BertConfig())
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
ROWS = {"mnli": (392_702, 30), "qqp": (363_846, 22), "qnli": (104_743, 37), "sst2": (67_349, 9), "cola": (8_551, 8)}
ROWS |= {"stsb": (5_749, 22), "mrpc": (3_668, 44), "rte": (2_490, 52), "wnli": (635, 35), "squad1": (87_599, 10)}
ROWS |= {"squad2": (130_319, 10)}
"""Training rows, and words of a row that may be replaced, about (of SQuAD the questions')."""
WORDS, PIECES, CONTEXT, VOCABULARY = 2_500_000_000, 1.3, 120, 30_522
"""Words of English Wikipedia, as the paper counts them; word pieces of a word, words of a SQuAD context, both about."""
PARQUET, WORD, PROCESS = 2.5, 46, 2 * 2**30
"""Bytes of a word in Parquet, as of the default's corpus; of a word while 400,000 pairs were read and encoded; of a
process with torch, CUDA and two models of BERT-base's size before any row, which is allowed for and not measured."""
FORWARD = 1 / 3
"""Of a step of training, about: augmentation and cached logits are passes of BERT-base without the way back."""


class Step(NamedTuple):
    """A batch through the models, forth and back."""

    student: Architecture
    layer_map: Any
    losses: tuple[tuple[str, float], ...]
    batch_size: int
    length: int
    relation_heads: int = 12
    teacher: Architecture = BASE


class Work(NamedTuple):
    """One stage; steps that cost the same are equal."""

    stage: str
    steps: float
    step: Step


def main(
    preset: Annotated[Path, typer.Argument(help="such as presets/paper-glue.yaml")],
    steps: Annotated[int, typer.Option(help="timed, of each kind", min=1)] = 5,
    batch_size: Annotated[int, typer.Option(help="at most; the seconds are scaled to the preset's", min=1)] = 256,
) -> None:
    """Hours, FLOPs, memory and disk of a preset, from steps timed here on examples of full length: an upper bound."""
    experiment = load_experiment(preset)
    if unknown := sorted(experiment.tasks.keys() - ROWS.keys()):
        raise typer.BadParameter(f"expected one of the paper's presets; the rows of {', '.join(unknown)} aren't known")
    measured: dict[Step, tuple[float, int]] = {}
    totals: dict[str, tuple[float, float]] = {}
    work = list(plan(experiment))
    for stage, count, step in work:
        small = step._replace(batch_size=min(step.batch_size, batch_size))
        if small not in measured:
            measured[small] = _measure(small, experiment.precision, steps)
        (seconds, operations), scale = measured[small], count * step.batch_size / small.batch_size
        for kind in (stage, stage.partition("@")[0], "all"):
            hours, peta = totals.get(kind, (0.0, 0.0))
            totals[kind] = hours + scale * seconds / 3600, peta + scale * operations / 1e15
    for kind, (hours, peta) in sorted(totals.items(), key=lambda total: total[1]):
        print(f"{kind:<48} {hours:>10.1f} h {peta:>12,.0f} PFLOPs")
    for what, size in needs(experiment, [each.step for each in work]).items():
        print(f"{what:<48} {size / 2**30:>10.1f} GiB")


def plan(experiment: Experiment) -> Iterator[Work]:
    """Every stage that trains or augments, in the pipeline's order; evaluation is minutes."""
    for key, general in experiment.general.items():
        train, step = general.train, _step(general.architecture, general, general.train.max_length)
        if train.epochs:
            blocks = train.epochs * WORDS * PIECES / (train.max_length - 2)
            yield Work(f"general-distill@{key}", math.ceil(blocks / step.batch_size), step)
    for key, task in experiment.tasks.items():
        (rows, words), augment, batch_size = ROWS[key], task.augment, task.teacher.batch_size
        step = Step(BASE, "uniform", (("labels", 1.0),), batch_size, task.max_length)
        yield Work(f"finetune-teacher@{key}", task.teacher.epochs * math.ceil(rows / batch_size), step)
        students = [student for student in experiment.students.values() if student.task == key]
        phases = [phase for student in students for phase in (student.intermediate, student.prediction)]
        if any(phase.data == "augmented" and phase.epochs for phase in phases):  # a pass for each word that is replaced
            passes = rows * augment.copies * words * augment.probability / batch_size
            yield Work(f"augment@{key}", passes * FORWARD, step)
        for data in {phase.data for phase in phases if phase.losses.logits}:  # computed once, then cached
            yield Work(f"teacher-logits@{key} {data}", _rows(key, data, task) / batch_size * FORWARD, step)
    for name, student in experiment.students.items():
        task, architecture = experiment.tasks[student.task], experiment.general[student.general].architecture
        for stage, phase in (("intermediate", student.intermediate), ("prediction", student.prediction)):
            if phase.epochs:
                batches = math.ceil(_rows(student.task, phase.data, task) / phase.batch_size)
                step = _step(architecture, phase, task.max_length)
                yield Work(f"{stage}-distill@{name}", phase.epochs * batches, step)


def _step(architecture: Architecture, settings: General | Phase, length: int) -> Step:
    """What it holds can be part of a key."""
    layer_map = tuple(settings.layer_map.items()) if isinstance(settings.layer_map, dict) else settings.layer_map
    losses = tuple((name, weight) for name, weight in settings.losses.model_dump().items() if weight)
    batch_size = (settings.train if isinstance(settings, General) else settings).batch_size
    return Step(architecture, layer_map, losses, batch_size, length, settings.relation_heads)


def _rows(key: str, data: str, task: Task) -> int:
    return ROWS[key][0] * (1 + task.augment.copies if data == "augmented" else 1)


def needs(experiment: Experiment, steps: Iterable[Step], vocabulary: int = VOCABULARY) -> dict[str, float]:
    """Bytes: of a GPU measured, without what CUDA itself needs; of memory and disk counted, DVC's cache included."""
    rows, tasks, students = {}, experiment.tasks, experiment.students.values()
    for key, task in tasks.items():
        of_row = ROWS[key][1] + (CONTEXT if task.type == "span" else 0)
        rows[key] = [of_row * _rows(key, data, task) for data in ("original", "augmented")]
    spans = {(each.task, each.prediction.data) for each in students if tasks[each.task].type == "span"}
    models = {key: _bytes(_bert(general.architecture, vocabulary)) for key, general in experiment.general.items()}
    lengths = {general.train.max_length for general in experiment.general.values() if general.train.epochs}
    disk = 3 * WORDS * PARQUET + 2 * PARQUET * sum(map(sum, rows.values()))  # the corpus is there as fetched, too
    disk += sum(4 * WORDS * PIECES * length / (length - 2) for length in lengths)  # its blocks of tokens
    for key, data in spans:  # the logits of starts and ends, fp32; those of classes are next to nothing
        disk += 8 * tasks[key].max_length * _rows(key, data, tasks[key])
    disk += 4 * len(rows) * _bytes(_bert(BASE, vocabulary))  # teachers, and the models that suggest words
    disk += 2 * sum(models.values()) + 4 * sum(models[student.general] for student in students)
    gpu = max(_held(step, vocabulary, experiment.precision) for step in set(steps))
    return {"GPU": gpu, "memory": PROCESS + WORD * max(map(max, rows.values())), "disk": disk}


def _held(step: Step, vocabulary: int, precision: str) -> float:
    """What is kept between the passes is a part for the weights and one for each example: batches of one and of two."""
    run = training(step._replace(batch_size=1), vocabulary, precision)
    one, two = (run.kept(_batch(step._replace(batch_size=examples), vocabulary)) for examples in (1, 2))
    return run.resident + one + (step.batch_size - 1) * (two - one)


def _measure(step: Step, precision: str, repeats: int) -> tuple[float, int]:
    """Median seconds, and operations (a multiplication and an addition are two), counted in a first, untimed step."""
    run, seconds = training(step, VOCABULARY, precision), []
    with FlopCounterMode(display=False) as counter:
        run()
    for _ in range(repeats):
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds), counter.get_total_flops()


class Training:
    """A step of training; `frozen` is what it has in memory without learning it."""

    def __init__(self, model: nn.Module, loss: Loss, batch: Batch, precision: str, frozen: nn.Module | None) -> None:
        self.model, self.loss, self.batch, self.frozen = model.train(), loss, batch, frozen
        self.resident = 4 * _bytes(model) + _bytes(frozen)  # weights, gradients, Adam's two moments
        dtype = choose(precision)
        self.autocast = torch.autocast(DEVICE, dtype, enabled=dtype != torch.float32)
        self.optimizer = torch.optim.AdamW(model.parameters(), 1e-5, fused=True)

    def __call__(self) -> None:
        with self.autocast:
            loss = self.loss(self.batch)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)  # as Trainer does
        self.optimizer.step()
        self.optimizer.zero_grad()
        if DEVICE == "cuda":
            torch.cuda.synchronize()

    def kept(self, batch: Batch) -> int:
        """Bytes that the forward pass keeps for the backward pass, each once and without the weights."""
        weights = {weight.untyped_storage().data_ptr() for weight in self.model.parameters()}
        kept: dict[int, int] = {}

        def keep(tensor: Tensor) -> Tensor:
            kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        with saved_tensors_hooks(keep, lambda tensor: tensor), self.autocast:
            value = self.loss(batch)
        del value  # until here all of it is held, so that no address was used twice
        return sum(size for address, size in kept.items() if address not in weights)


def training(step: Step, vocabulary: int, precision: str) -> Training:
    """By the objective and the models of the phases themselves."""
    losses, layers = dict(step.losses), step.student.layers
    config = student_config(BertConfig(vocab_size=vocabulary), step.teacher)
    records, masks = any(name in losses for name in RECORDED), "mlm" in losses or "vocabulary" in losses
    student, predictor = _bert(step.student, vocabulary, "cpu"), BertForMaskedLM(config) if masks else None
    student = with_masked_head(student.base_model, predictor) if predictor else student
    projections = Projections(layers, step.student.hidden, config.hidden_size)
    model, teacher = StudentModel(student, projections, records).to(DEVICE), None
    if any(name in losses for name in (*LAYER_LOSSES, "vocabulary")):
        network: Any = predictor if "vocabulary" in losses else BertModel(config)
        teacher = SignalModel(network.to(DEVICE, choose(precision)).requires_grad_(False), records).eval()
    layer_map = dict(step.layer_map) if isinstance(step.layer_map, tuple) else step.layer_map
    pairs = layer_pairs(layer_map, layers, config.num_hidden_layers)
    objective = DistillationObjective(losses, pairs, teacher, relation_heads=step.relation_heads)

    def loss(batch: Batch) -> Tensor:
        terms = objective(model, batch)
        return torch.stack([weight * terms[name] for name, weight in objective.weights.items()]).sum()

    return Training(model, loss, _batch(step, vocabulary), precision, teacher)


def _batch(step: Step, vocabulary: int) -> dict[str, Tensor]:
    """Every example of full length; what a step's losses don't look at costs nothing."""
    ids = torch.randint(5, vocabulary, (step.batch_size, step.length), device=DEVICE)
    seventh = torch.arange(step.length, device=DEVICE) % 7 == 1  # about 15 %, of every example as many
    return {
        "input_ids": ids,
        "attention_mask": torch.ones_like(ids),
        "labels": ids[:, 0] * 0,
        MASKED_LABELS: torch.where(seventh, ids, UNMASKED),
        TEACHER_LOGITS: torch.randn(step.batch_size, 2, device=DEVICE),
    }


def _bert(architecture: Architecture, vocabulary: int, device: str = "meta") -> Any:
    """A classifier of this shape, by default without its weights."""
    with torch.device(device):
        return BertForSequenceClassification(student_config(BertConfig(vocab_size=vocabulary), architecture))


def _bytes(model: nn.Module | None) -> int:
    return sum(weight.nbytes for weight in model.parameters()) if model else 0
