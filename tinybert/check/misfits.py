"""Which models of an experiment do not fit each other, their tasks or their students, as far as they are on disk."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterator, Mapping
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

Folders = Mapping[str, Path]
"""Of models, by source."""


def find_misfits(experiment: Experiment, models: Folders, summaries: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """One line for each misfit, which starts with the place in params.yaml.

    Args:
        models: folders of those that are on disk.
        summaries: by task, what `tinybert.tasks.prepare.prepare` says of its data; empty or missing where that isn't
            known.
    """
    readable: dict[str, Path] = {}
    for key, folder in models.items():
        table = "files" if key in experiment.files else "downloads"
        lines = list(_line(f"{table}.{key}", load_config, folder))
        lines = lines or list(_line(f"{table}.{key}", load_tokenizer, folder))
        yield from lines
        readable |= {} if lines else {key: folder}
    unfit = yield from _general_students(experiment, readable)
    for key, task in experiment.tasks.items():
        yield from _task(f"tasks.{key}", task, readable, summaries.get(key, {}))
    yield from _students(experiment, readable, unfit)


def _general_students(experiment: Experiment, models: Folders) -> Generator[str, None, set[str]]:
    """Returns the keys of those that can't learn from their teachers."""
    unfit = set()
    for key, general in experiment.general.items():
        if general.teacher in models:
            lines = list(_line(f"general.{key}", require_compatible, general, load_config(models[general.teacher])))
            yield from lines
            unfit |= {key} if lines else set()
        if {general.teacher, general.start} <= models.keys():
            folders = models[general.teacher], models[general.start]
            yield from _line(f"general.{key}", require_compatible_folders, general, *folders)
    return unfit


def _task(place: str, task: Task, models: Folders, summary: Mapping[str, Any]) -> Iterator[str]:
    teacher, masked = models.get(task.teacher.source), models.get(task.mlm.source)
    if teacher is not None:
        yield from _line(f"{place}.max_length", require_length, load_config(teacher), task.max_length, teacher)
        if task.teacher.epochs == 0 or task.teacher.labels is not None:
            yield from _line(f"{place}.teacher", _require_head, task, teacher, summary)
    if masked is not None:
        if masked != teacher:
            yield from _line(f"{place}.max_length", require_length, load_config(masked), task.max_length, masked)
        if task.mlm.steps == 0:
            yield from _line(f"{place}.mlm", load_masked_lm, masked)


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


def _students(experiment: Experiment, models: Folders, unfit: Collection[str]) -> Iterator[str]:
    """
    Args:
        unfit: general students of whom the same would mostly be said again.
    """
    for key, student in experiment.students.items():
        general, task = experiment.general[student.general], experiment.tasks[student.task]
        if general.start in models and general.start != task.teacher.source:
            start = models[general.start]
            yield from _line(f"students.{key}", require_length, load_config(start), task.max_length, start)
        if not {general.teacher, task.teacher.source} <= models.keys():
            continue
        of_general, of_task = models[general.teacher], models[task.teacher.source]
        if of_general != of_task:
            yield from _line(f"students.{key}", require_same_tokenizer, of_general, of_task)
        if student.general in unfit:
            continue
        for name, phase in (("intermediate", student.intermediate), ("prediction", student.prediction)):
            arguments = phase, general.architecture, load_config(of_task), load_config(of_general).hidden_size
            yield from _line(f"students.{key}.{name}", require_compatible_phase, *arguments)


def _line(place: str, requirement: Callable[..., Any], *arguments: Any) -> Iterator[str]:
    try:
        requirement(*arguments)
    except UserError as error:
        yield f"{place}: {error}"
