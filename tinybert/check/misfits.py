"""Which models of an experiment do not fit each other, their tasks or their students, as far as they are on disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tinybert.distill.general import require_compatible, require_compatible_folders
from tinybert.distill.phase import require_compatible_phase
from tinybert.errors import UserError
from tinybert.models.compatibility import require_length, require_same_tokenizer
from tinybert.models.loading import load_classifier, load_config, load_masked_lm, load_span_model, load_tokenizer
from tinybert.params.experiment import Experiment
from tinybert.params.tasks import Task
from tinybert.train.teacher import load_teacher


class Misfits(list[str]):
    """One line each, which starts with the place in params.yaml."""

    def fits(self, place: str, requirement: Callable[..., Any], *arguments: Any) -> bool:
        """Whether the requirement holds; its line is taken where it doesn't."""
        try:
            requirement(*arguments)
        except UserError as error:
            self.append(f"{place}: {error}")
            return False
        return True


def find_misfits(
    experiment: Experiment, models: Mapping[str, Path], summaries: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    """A line for each misfit.

    Args:
        models: by source, the folders of those that are on disk.
        summaries: by task, what `tinybert.tasks.prepare.prepare` says of its data, as far as that is known.
    """
    found = Misfits()
    readable: dict[str, Path] = {}
    for key, folder in models.items():
        place = f"{'files' if key in experiment.files else 'downloads'}.{key}"
        if found.fits(place, load_config, folder) and found.fits(place, load_tokenizer, folder):
            readable[key] = folder
    unfit = set()
    for key, general in experiment.general.items():
        teacher, start = readable.get(general.teacher), readable.get(general.start)
        if teacher and not found.fits(f"general.{key}", require_compatible, general, load_config(teacher)):
            unfit.add(key)
        if teacher and start:
            found.fits(f"general.{key}", require_compatible_folders, general, teacher, start)
    for key, task in experiment.tasks.items():
        _look_at_task(found, f"tasks.{key}", task, readable, summaries.get(key, {}))
    for key, student in experiment.students.items():
        general, task = experiment.general[student.general], experiment.tasks[student.task]
        place, start = f"students.{key}", readable.get(general.start)
        if start and general.start != task.teacher.source:
            found.fits(place, require_length, load_config(start), task.max_length, start)
        of_general, of_task = readable.get(general.teacher), readable.get(task.teacher.source)
        if not (of_general and of_task):
            continue
        if of_general != of_task:
            found.fits(place, require_same_tokenizer, of_general, of_task)
        if student.general not in unfit:  # of whom the same would mostly be said again
            shapes = general.architecture, load_config(of_task), load_config(of_general).hidden_size
            for name, phase in (("intermediate", student.intermediate), ("prediction", student.prediction)):
                found.fits(f"{place}.{name}", require_compatible_phase, phase, *shapes)
    return found


def _look_at_task(
    found: Misfits, place: str, task: Task, models: Mapping[str, Path], summary: Mapping[str, Any]
) -> None:
    teacher, masked = models.get(task.teacher.source), models.get(task.mlm.source)
    for model in dict.fromkeys(filter(None, (teacher, masked))):
        found.fits(f"{place}.max_length", require_length, load_config(model), task.max_length, model)
    if teacher and (task.teacher.epochs == 0 or task.teacher.labels is not None):
        found.fits(f"{place}.teacher", _require_head, task, teacher, summary)
    if masked and task.mlm.steps == 0:
        found.fits(f"{place}.mlm", load_masked_lm, masked)


def _require_head(task: Task, teacher: Path, summary: Mapping[str, Any]) -> None:
    """Refuse a teacher without the head that its task takes from it.

    Without the data, the names of the classes are known only where the task gives them.
    """
    names = summary.get("names", task.label.names)
    if task.type == "span" and not summary:
        load_span_model(teacher)
    elif task.type in ("classification", "multilabel") and names is None:
        load_classifier(teacher)
    else:
        load_teacher(task.teacher, teacher, names, task.type == "multilabel", summary.get("span"))
