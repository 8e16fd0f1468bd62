"""A student while it is distilled: the model, the projections to its teacher's width, and what of it is compared."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TypedDict

from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import PreTrainedModel

from tinybert.errors import UserError
from tinybert.models.attention import ScoreRecorder

PROJECTIONS_FILE = "projections.safetensors"


class Projections(nn.Module):
    """W_e and one W_h for each student layer (paper, equations 8 and 9), without bias, kept at equal widths too."""

    def __init__(self, layers: int, student_width: int, teacher_width: int) -> None:
        super().__init__()
        self.embedding = nn.Linear(student_width, teacher_width, bias=False)
        self.hidden = nn.ModuleList(nn.Linear(student_width, teacher_width, bias=False) for _ in range(layers))

    def save(self, folder: Path) -> None:
        save_file(
            {name: weight.detach().contiguous() for name, weight in self.state_dict().items()},
            folder / PROJECTIONS_FILE,
        )

    @classmethod
    def load(cls, folder: Path) -> Projections:
        """The projections beside a student.

        Raises:
            UserError: the folder has none.
        """
        file = folder / PROJECTIONS_FILE
        if not file.exists():
            raise UserError(f"{file}: missing; it is written by general-distill: run `dvc repro general-distill`")
        weights = load_file(file)
        teacher_width, student_width = weights["embedding.weight"].shape
        projections = cls(len(weights) - 1, student_width, teacher_width)
        projections.load_state_dict(weights)
        return projections


class Signals(TypedDict):
    """What a model computed on a batch. `hidden[0]` is the embedding layer's output, `hidden[m]` that of layer m.

    Shapes: hidden (examples, tokens, width), scores (examples, heads, tokens, tokens), logits (examples, classes).
    A plain dict at run time, since wrappers for mixed precision and several processes know how to walk one.
    """

    hidden: dict[int, Tensor]
    scores: dict[int, Tensor]
    logits: Tensor | None


class SignalModel(nn.Module):
    """A transformers model that answers a batch with the signals asked for, and computes no others."""

    def __init__(self, model: PreTrainedModel, records_scores: bool) -> None:
        super().__init__()
        self.model = model
        self.recorder = ScoreRecorder(model) if records_scores else None

    def forward(
        self, batch: Mapping[str, Tensor], hidden: Collection[int], scores: Collection[int], logits: bool
    ) -> Signals:
        if self.recorder is not None:
            self.recorder.start(scores)
        model = self.model if logits else self.model.base_model
        outputs = model(**batch, output_hidden_states=bool(hidden))
        return {
            "hidden": {layer: outputs.hidden_states[layer] for layer in hidden},
            "scores": {layer: self.recorder.scores[layer] for layer in scores} if self.recorder is not None else {},
            "logits": outputs.logits if logits else None,
        }


class StudentModel(SignalModel):
    """The student and its projections: its hidden states come out at the teacher's width."""

    def __init__(self, model: PreTrainedModel, projections: Projections, records_scores: bool) -> None:
        super().__init__(model, records_scores)
        self.projections = projections

    def save(self, folder: Path) -> None:
        """Write a plain Hugging Face folder, which loads without this project, and the projections beside it."""
        self.model.save_pretrained(folder)
        self.projections.save(folder)

    def forward(
        self, batch: Mapping[str, Tensor], hidden: Collection[int], scores: Collection[int], logits: bool
    ) -> Signals:
        signals = super().forward(batch, hidden, scores, logits)
        signals["hidden"] = {
            layer: (self.projections.hidden[layer - 1] if layer else self.projections.embedding)(state)
            for layer, state in signals["hidden"].items()
        }
        return signals
