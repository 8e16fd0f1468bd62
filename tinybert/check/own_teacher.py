"""A fine-tuned teacher of the user's own: the general student that can learn from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tinybert.distill.general import require_compatible
from tinybert.errors import UserError
from tinybert.models.compatibility import require_length, require_same_tokenizer
from tinybert.models.initialise import initialise_student
from tinybert.models.loading import load_config, load_encoder
from tinybert.models.output_layer import UNNAMED
from tinybert.models.shape import shape_of
from tinybert.models.signals import frozen_teacher
from tinybert.params.defaults import ARCHITECTURES
from tinybert.params.general import General

STARTS = ("teacher-pruned", "teacher-svd", "random")
"""The first weights of a student, the best first; not each family's layers are known."""


LONGEST = 512
"""Tokens, however many positions a model has: time grows with them."""
LAYERS = 4
"""TinyBERT4's."""


def is_tuned(teacher: Path) -> bool:
    """Whether it has a head for classes, labels or a number."""
    return any("SequenceClassification" in name for name in load_config(teacher).architectures or [])


def are_unnamed(teacher: Path, outputs: int) -> bool:
    """Whether it has so many outputs, and nobody said what they are called."""
    names = load_config(teacher).id2label.values()
    return len(names) == outputs and all(UNNAMED.fullmatch(str(name)) for name in names)


def shares_general_student(teacher: Path, general_teacher: Path) -> bool:
    """Whether a student that was distilled from `general_teacher` can go on with `teacher`: tokens, width and heads."""
    one, other = (shape_of(load_config(folder)) for folder in (teacher, general_teacher))
    if (one.hidden, one.heads) != (other.hidden, other.heads) or one.layers < LAYERS:
        return False
    try:
        require_same_tokenizer(teacher, general_teacher)
    except UserError:
        return False
    return True


def general_of(entry: dict[str, Any], key: str, folder: Path, reads_corpus: bool) -> dict[str, Any]:
    """The entry of a general student, made one that starts from the teacher `key` in `folder`.

    Args:
        entry: the default's.
        reads_corpus: whether the corpus is in the teacher's language; without, nothing can be learnt from it.

    Raises:
        UserError: none can be made of such a teacher.
    """
    shape, config = smaller(folder), load_config(folder)
    losses = dict(entry["losses"])
    train = entry["train"] | {"max_length": min(entry["train"]["max_length"], positions(folder))}
    if not reads_corpus:
        train["epochs"] = 0
    try:
        frozen_teacher(folder, load_encoder(folder).dtype, records_scores=True)
    except UserError:
        losses["attention"] = 0.0
    refused = None
    for start in STARTS:
        made = entry | {"teacher": key, "start": key, "architecture": shape, "initialise": start, "losses": losses}
        general = General.model_validate(made | {"train": train})
        try:
            require_compatible(general, config)
            initialise_student(load_encoder(folder), general.architecture, start, 0)
        except UserError as error:
            refused = error
            continue
        return made | {"train": train}
    assert refused is not None
    raise refused


def smaller(folder: Path, layers: int = LAYERS) -> str | dict[str, int]:
    """TinyBERT4's shape, or one that a teacher of other heads, or of fewer layers, can teach."""
    teacher = shape_of(load_config(folder))
    layers = min(layers, max(1, teacher.layers - 1))
    hidden = min(312, teacher.hidden) // teacher.heads * teacher.heads or teacher.hidden
    intermediate = min(1200, teacher.intermediate)
    shape = {"layers": layers, "hidden": hidden, "heads": teacher.heads, "intermediate": intermediate}
    return "tinybert4" if shape == ARCHITECTURES["tinybert4"] else shape


def positions(folder: Path) -> int:
    """The most tokens that are asked of a model: 512, or as many, a multiple of 8, as it has positions for."""
    config = load_config(folder)
    for length in range(LONGEST, 8, -8):
        try:
            require_length(config, length, folder)
        except UserError:
            continue
        return length
    return 8
