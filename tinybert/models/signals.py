"""A student while it is distilled: the model, the projections to its teacher's width, and what of it is compared."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, TypedDict

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.distributed.fsdp import fully_shard
from transformers import PreTrainedModel

from tinybert.errors import UserError
from tinybert.models.attention import ScoreRecorder
from tinybert.models.loading import load_encoder, load_masked_lm, takes_types
from tinybert.models.shape import named_layers
from tinybert.running.launch import meet, shares_teacher
from tinybert.tokens.encoding import TYPES

PROJECTIONS_FILE = "projections.safetensors"


class Projections(nn.Module):
    """W_e and one W_h for each student layer (paper, equations 8 and 9), without bias, kept at equal widths too."""

    def __init__(self, layers: int, student_width: int, teacher_width: int) -> None:
        super().__init__()
        self.embedding = nn.Linear(student_width, teacher_width, bias=False)
        self.hidden = nn.ModuleList(nn.Linear(student_width, teacher_width, bias=False) for _ in range(layers))

    def forward(self, layer: int, state: Tensor) -> Tensor:
        """A state of `layer` at the teacher's width; 0 is the embedding layer, −1 the last."""
        projection = self.embedding if layer == 0 else self.hidden[layer - 1 if layer > 0 else layer]
        return projection(state)

    @property
    def teacher_width(self) -> int:
        return self.embedding.out_features

    def save(self, folder: Path) -> None:
        weights = {name: weight.contiguous() for name, weight in self.state_dict().items()}
        save_file(weights, folder / PROJECTIONS_FILE)

    @classmethod
    def load(cls, folder: Path) -> Projections:
        """The projections beside a student; UserError where there are none."""
        file = folder / PROJECTIONS_FILE
        if not file.exists():
            raise UserError(f"{file}: missing; it is written by general-distill: run `dvc repro general-distill`")
        weights = load_file(file)
        teacher_width, student_width = weights["embedding.weight"].shape
        projections = cls(len(weights) - 1, student_width, teacher_width)
        projections.load_state_dict(weights)
        return projections


class Signals(TypedDict):
    """What a model computed on a batch, by layer: 0 is the embedding layer, m layer m, −1 the last.

    A plain dict at run time, since wrappers for mixed precision and several processes know how to walk one.
    """

    hidden: dict[int, Tensor]  # (examples, tokens, width), a student's always projected to the teacher's width
    states: dict[int, Tensor]  # the same, a student's projected only where the widths differ
    cls: dict[int, Tensor]  # `states` of the first token, (examples, width)
    scores: dict[int, Tensor]  # of attention before softmax, (examples, heads, tokens, tokens)
    seen: dict[int, Tensor]  # the pairs that a local layer's attention sees, (examples, 1, tokens, tokens)
    vectors: dict[int, tuple[Tensor, ...]]  # queries, keys and values, each (examples, tokens, width)
    logits: Tensor | None  # (examples, classes), or of answers' starts and ends, (examples, 2, tokens)
    vocabulary: Tensor | None  # logits of the masked positions, (positions, vocabulary)


class SignalModel(nn.Module):
    """A transformers model that answers a batch with the signals asked for, and computes no others."""

    def __init__(self, model: PreTrainedModel, records_scores: bool) -> None:
        """`records_scores`: able to answer with attention scores and vectors, as the losses that compare them need."""
        super().__init__()
        self.model = model
        self.takes_types = takes_types(model.config)
        self.recorder = ScoreRecorder(model) if records_scores else None

    def forward(
        self,
        batch: Mapping[str, Tensor],
        hidden: Collection[int] = (),
        states: Collection[int] = (),
        cls: Collection[int] = (),
        scores: Collection[int] = (),
        vectors: Collection[int] = (),
        logits: bool = False,
        masked: Tensor | None = None,
    ) -> Signals:
        """The signals of the layers that are named, and of the positions where `masked` (examples, tokens) is true.

        Token types in `batch` are left out for a model that takes none, since the other of teacher and student may be
        one that does.
        """
        if self.recorder is not None:
            self.recorder.start(scores, vectors)
        inputs = {name: tensor for name, tensor in batch.items() if name != TYPES or self.takes_types}
        model = self.model if logits or masked is not None else self.model.base_model
        with head_sees(self.model, masked):
            outputs = model(**inputs, output_hidden_states=bool(hidden or states or cls))
        return {
            "hidden": {layer: outputs.hidden_states[layer] for layer in hidden},
            "states": {layer: outputs.hidden_states[layer] for layer in states},
            "cls": {layer: outputs.hidden_states[layer][:, 0] for layer in cls},
            "scores": self.recorder.scores if self.recorder else {},
            "seen": self.recorder.seen if self.recorder else {},
            "vectors": self.recorder.vectors if self.recorder else {},
            "logits": head_logits(outputs) if logits else None,
            "vocabulary": outputs.logits if masked is not None else None,
        }


class StudentModel(SignalModel):
    """The student and its projections: its states come out at the teacher's width."""

    def __init__(self, model: PreTrainedModel, projections: Projections, records_scores: bool) -> None:
        super().__init__(model, records_scores)
        self.projections = projections

    def save(self, folder: Path) -> None:
        """Write a plain Hugging Face folder, which loads without this project, and the projections beside it."""
        self.model.save_pretrained(folder)
        self.projections.save(folder)

    def forward(self, *arguments: Any, **wanted: Any) -> Signals:
        signals = super().forward(*arguments, **wanted)
        widths_differ = self.model.config.hidden_size != self.projections.teacher_width
        for kind in ("hidden", "states", "cls") if widths_differ else ("hidden",):
            signals[kind] = {layer: self.projections(layer, state) for layer, state in signals[kind].items()}
        return signals


def frozen_teacher(folder: Path, dtype: torch.dtype, records_scores: bool, masked_head: bool = False) -> SignalModel:
    """The encoder of a teacher, without gradients, dropout off (the reference leaves it on), in `dtype`.

    `masked_head` keeps the masked-language head, for losses that compare predictions of masked tokens. Of several
    processes under FSDP each holds a part of every layer.
    """
    model = (load_masked_lm if masked_head else load_encoder)(folder, dtype).requires_grad_(False)
    if shares_teacher():
        share_layers(model)
    if torch.cuda.is_available():
        model.to("cuda")
    return SignalModel(model, records_scores).eval()


def share_layers(model: PreTrainedModel) -> None:
    """Have this process keep its part of each layer, which is whole only while it is computed, with all processes."""
    meet()
    _, layers = named_layers(model) or ("", [])
    for layer in layers:
        fully_shard(layer, reshard_after_forward=True)


def head_sees(model: PreTrainedModel, masked: Tensor | None) -> AbstractContextManager[Any]:
    """While it lasts, `model` answers with logits (positions, vocabulary) of the positions where `masked` is true.

    The head's product with the vocabulary would otherwise be as costly as the whole trunk. Whatever a family calls its
    head and its parts, it takes the encoder's last hidden states and works on each position by itself. None leaves the
    model as it is.
    """
    if masked is None:
        return nullcontext()

    def select(module: nn.Module, inputs: Any, outputs: Any) -> Any:
        outputs.last_hidden_state = outputs.last_hidden_state[masked]
        return outputs

    return model.base_model.register_forward_hook(select)


def head_logits(outputs: Any) -> Tensor:
    """A head's logits as one tensor: (examples, classes), or of starts and ends (examples, 2, tokens)."""
    if "start_logits" in outputs:
        return torch.stack((outputs.start_logits, outputs.end_logits), dim=1)
    return outputs.logits
