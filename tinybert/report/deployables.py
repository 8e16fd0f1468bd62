"""What could be deployed for a task: teacher and student in each of their forms, and what needs no distilling."""

from __future__ import annotations

from typing import NamedTuple

from tinybert.evaluate.schema import Alternative, Measured, Onnx, Result, Speed, Times

Scored = Measured | Onnx | Alternative
FORMS = {"torch": "in PyTorch", "onnx": "in ONNX", "int8": "in int8"}
"""An int8 is an ONNX file too."""
ALTERNATIVES = {"tfidf": "TF-IDF", "static": "a static model"}
MILLION = 1_000_000


class Deployable(NamedTuple):
    """A model as one would run it.

    Attributes:
        key: its name in speed.json.
        model: `the teacher`, the student's name, or an alternative as people call it.
        form: one of `FORMS`' values, "" for an alternative.
        scored: None for BERT-base's shape.
        times: None where it was not timed.
    """

    key: str
    model: str
    form: str
    scored: Scored | None
    times: Times | None

    @property
    def name(self) -> str:
        return f"{self.model} {self.form}".strip()

    @property
    def rate(self) -> float | None:
        """Texts a second and core."""
        return self.times.texts_per_core_second if self.times else None

    @property
    def pace(self) -> float:
        """Texts a second: of a core, or one by one where that was not measured, as once it wasn't."""
        assert self.times is not None
        return self.rate or 1000 / self.times.batch1.ms

    @property
    def core_hours(self) -> float | None:
        """For a million texts."""
        return MILLION / self.rate / 3600 if self.rate else None


def deployables(name: str, result: Result, speed: Speed | None) -> dict[str, Deployable]:
    """By their names in speed.json: the teacher's, the student's, the alternatives.

    Args:
        name: the student's.
    """
    found: dict[str, tuple[str, str, Scored]] = {}
    for who, model, measured in (("teacher", "the teacher", result.teacher), ("student", name, result.student)):
        for form, scored in (("torch", measured), ("onnx", measured.onnx), ("int8", measured.int8)):
            if scored is not None:
                found[f"{who}/{form}"] = (model, FORMS[form], scored)
    for key, alternative in (result.alternatives or {}).items():
        found[key] = (ALTERNATIVES.get(key, key), "", alternative)
    times = speed.models if speed else {}
    return {key: Deployable(key, *each, times.get(key)) for key, each in found.items()}


def deployed_form(result: Result, who: str) -> str:
    """The name in speed.json of what is served of teacher or student: int8 where one was kept, then ONNX."""
    measured = result.teacher if who == "teacher" else result.student
    return f"{who}/{'int8' if measured.int8 else 'onnx' if measured.onnx else 'torch'}"
