"""What a step costs and holds at the paper's shapes: random weights, the phases' own objective and models."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tinybert.params.architectures import Architecture

    Loss = Callable[[Mapping[str, Tensor]], Tensor]


class Step(NamedTuple):
    """A batch through the models: with a teacher that is compared, or without one; `student` None is the teacher."""

    student: Architecture | None
    layer_map: Any
    losses: tuple[tuple[str, float], ...]
    batch_size: int
    length: int
    relation_heads: int = 12
    learns: bool = True


class Cost(NamedTuple):
    """Of one step: median seconds, and floating-point operations (a multiplication and an addition are two)."""

    seconds: float
    operations: int


def measure(step: Step, vocabulary: int, precision: str, repeats: int) -> Cost:
    """What a step on full-length examples costs; its operations are counted in a first one, which is not timed."""
    from torch.utils.flop_counter import FlopCounterMode

    run = _run(step, vocabulary, precision)
    with FlopCounterMode(display=False) as counter:
        run()
    _wait()
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        run()
        _wait()
        seconds.append(time.perf_counter() - started)
    return Cost(statistics.median(seconds), counter.get_total_flops())


def held(step: Step, vocabulary: int, precision: str) -> float:
    """Bytes of a training step between its two passes: weights, gradients, Adam's moments, and what is kept to go back.

    What is kept is a part for the weights and a part for each example, told apart by batches of one and of two.
    """
    run = _run(step._replace(batch_size=1), vocabulary, precision)
    assert isinstance(run, Training), "a step that learns"
    one, two = (run.kept(_batch(step._replace(batch_size=examples), vocabulary)) for examples in (1, 2))
    return run.resident() + one + (step.batch_size - 1) * (two - one)


def _run(step: Step, vocabulary: int, precision: str) -> Callable[[], object]:
    return _student_step(step, vocabulary, precision) if step.student else _teacher_step(step, vocabulary, precision)


class Training:
    """A step of training; `frozen` is what it has in memory without learning it."""

    def __init__(
        self, model: nn.Module, loss: Loss, batch: Mapping[str, Tensor], precision: str, frozen: nn.Module | None = None
    ) -> None:
        import torch

        from tinybert.models.precision import choose

        self.model, self.loss, self.batch, self.frozen = model.train(), loss, batch, frozen
        self.dtype = choose(precision)
        self.optimizer = torch.optim.AdamW(model.parameters(), 1e-5, fused=True)

    def __call__(self) -> None:
        self._forward(self.batch).backward()
        self.optimizer.step()
        self.optimizer.zero_grad()

    def _forward(self, batch: Mapping[str, Tensor]) -> Tensor:
        import torch

        with torch.autocast(_device(), self.dtype, enabled=self.dtype != torch.float32):
            return self.loss(batch)

    def resident(self) -> int:
        """Bytes of the weights, of their gradients and of Adam's two moments, and of the frozen model's weights."""
        return 4 * _bytes(self.model) + (_bytes(self.frozen) if self.frozen is not None else 0)

    def kept(self, batch: Mapping[str, Tensor]) -> int:
        """Bytes that the forward pass keeps for the backward pass, each once and without the weights."""
        from torch.autograd.graph import saved_tensors_hooks

        weights = {weight.untyped_storage().data_ptr() for weight in self.model.parameters()}
        kept: dict[int, int] = {}

        def keep(tensor: Tensor) -> Tensor:
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in weights:
                kept[storage.data_ptr()] = storage.nbytes()
            return tensor

        with saved_tensors_hooks(keep, lambda tensor: tensor):
            value = self._forward(batch)
        del value  # until here all of it is held, so that no address was used twice
        return sum(kept.values())


def _bytes(model: nn.Module) -> int:
    return sum(weight.nbytes for weight in model.parameters())


def _batch(step: Step, vocabulary: int) -> dict[str, Tensor]:
    import torch

    from tinybert.distill.losses.objective import TEACHER_LOGITS
    from tinybert.tokens.masking import MASKED_LABELS, UNMASKED

    shape = (step.batch_size, step.length)
    ids = torch.randint(5, vocabulary, shape)
    losses = dict(step.losses)
    batch = {"input_ids": ids, "attention_mask": torch.ones(shape, dtype=torch.long)}
    if "mlm" in losses or "vocabulary" in losses:
        seventh = torch.arange(step.length) % 7 == 1  # about 15 %, of every example as many
        batch[MASKED_LABELS] = torch.where(seventh, ids, UNMASKED)
    if "labels" in losses:
        batch["labels"] = torch.zeros(step.batch_size, dtype=torch.long)
    if "logits" in losses:
        batch[TEACHER_LOGITS] = torch.randn(step.batch_size, 2)
    return {name: tensor.to(_device()) for name, tensor in batch.items()}


def _teacher_step(step: Step, vocabulary: int, precision: str) -> Callable[[], object]:
    """Fine-tuning of BERT-base, or a pass of it or of its masked language model."""
    import torch
    from transformers import BertConfig, BertForMaskedLM, BertForSequenceClassification

    from tinybert.models.precision import choose
    from tinybert.tokens.encoding import model_inputs
    from tinybert.tokens.masking import MASKED_LABELS, UNMASKED
    from tinybert.train.masked_lm import masked_logits

    batch, config = _batch(step, vocabulary), BertConfig(vocab_size=vocabulary)
    if step.learns:
        model = BertForSequenceClassification(config).to(_device())

        def own_loss(batch: Mapping[str, Tensor]) -> Tensor:
            return model(**model_inputs(batch), labels=batch["labels"]).loss

        return Training(model, own_loss, batch, precision)
    if "logits" in dict(step.losses):
        classifier = BertForSequenceClassification(config).to(_device(), choose(precision)).eval()
        return torch.inference_mode()(lambda: classifier(**model_inputs(batch)))
    network = BertForMaskedLM(config).to(_device(), choose(precision)).eval()
    masked = batch[MASKED_LABELS] != UNMASKED
    return torch.inference_mode()(lambda: masked_logits(network, model_inputs(batch), masked))


def _student_step(step: Step, vocabulary: int, precision: str) -> Training:
    """Distillation from BERT-base, by the objective and the models of the phases themselves."""
    import torch
    from transformers import AutoModelForSequenceClassification, BertConfig, BertForMaskedLM, BertModel

    from tinybert.distill.losses.objective import LAYER_LOSSES, RECORDED, DistillationObjective
    from tinybert.models.initialise import with_masked_head
    from tinybert.models.precision import choose
    from tinybert.models.shape import layer_pairs, student_config
    from tinybert.models.signals import Projections, SignalModel, StudentModel

    assert step.student is not None
    losses, config = dict(step.losses), BertConfig(vocab_size=vocabulary)
    records, masks = any(name in losses for name in RECORDED), "mlm" in losses or "vocabulary" in losses
    shape = student_config(config, step.student)
    predictor = BertForMaskedLM(config) if masks else None
    student = AutoModelForSequenceClassification.from_config(shape)
    model = StudentModel(
        student if predictor is None else with_masked_head(student.base_model, predictor),
        Projections(step.student.layers, step.student.hidden, config.hidden_size),
        records,
    ).to(_device())
    teacher = None
    if any(name in losses for name in (*LAYER_LOSSES, "vocabulary")):
        network = predictor if predictor is not None and "vocabulary" in losses else BertModel(config)
        teacher = SignalModel(network.to(_device(), choose(precision)).requires_grad_(False), records).eval()
    layer_map = dict(step.layer_map) if isinstance(step.layer_map, tuple) else step.layer_map
    objective = DistillationObjective(
        losses,
        layer_pairs(layer_map, step.student.layers, config.num_hidden_layers),
        teacher,
        relation_heads=step.relation_heads,
    )

    def loss(batch: Mapping[str, Tensor]) -> Tensor:
        terms = objective(model, batch)
        return torch.stack([weight * terms[name] for name, weight in objective.weights.items()]).sum()

    return Training(model, loss, _batch(step, vocabulary), precision, teacher)


def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _wait() -> None:
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()
