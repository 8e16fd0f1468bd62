"""Everything that can be known before a run: params.yaml itself, your own files, models that are on disk already."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tinybert.errors import UserError, suggest
from tinybert.params.experiment import Experiment, find_mistakes, load_experiment
from tinybert.params.sources import File
from tinybert.params.table import read_yaml
from tinybert.params.tasks import Task


def find_all_mistakes(params: Path, sources: Path = Path("data/sources")) -> Iterator[str]:
    """One line for each mistake in `params`, and for each pair of models there that do not fit each other.

    Models that are still to be downloaded can't be looked at; the stages that read them check the same.
    """
    mistakes = list(find_mistakes(params))
    yield from mistakes
    if mistakes:
        return
    experiment = load_experiment(params)
    for key, file in experiment.files.items():
        if not Path(file.path).exists():
            yield f"{params}: files.{key}.path: there is no {file.path!r} here; give a path from the project's folder"
    for key, task in experiment.tasks.items():
        own = experiment.files.get(task.source)
        if own is not None and Path(own.path).exists():
            missing = list(_split_files(params, key, task, Path(own.path)))
            yield from missing or _rows(params, key, task, own)
    yield from _models(experiment, params, sources)


def _split_files(params: Path, key: str, task: Task, folder: Path) -> Iterator[str]:
    """Files that a task's split names, and that the folder of the task's source hasn't got."""
    if not folder.is_dir():
        return
    named = [
        ("also_test" if part in task.split.also_test else part, file) for part, file in task.split.labelled.items()
    ]
    for part, file in [*named, *(("unlabelled", file) for file in task.split.unlabelled.values())]:
        if not any(folder.rglob(Path(file).name)):
            known = [path.name for path in folder.rglob("*") if path.is_file()]
            yield f"{params}: tasks.{key}.split.{part}: there is no {file!r} in {folder}{suggest(file, known)}"


def _rows(params: Path, key: str, task: Task, file: File) -> Iterator[str]:
    """What the two first stages would say of a table of one's own: they are run on it, in a folder that is removed."""
    from tinybert.sources.kinds import store_file
    from tinybert.text.tasks import prepare

    path = Path(file.path)
    with TemporaryDirectory() as scratch:
        source, folder = Path(scratch) / "source", Path(scratch) / "task"
        folder.mkdir()
        try:
            store_file(file, source)
            prepare(source, task, folder)
        except UserError as error:
            there = source if path.is_dir() else source / path.name
            yield f"{params}: tasks.{key}: {str(error).replace(str(there), str(path))}"


def _current_sources(params: Path) -> set[str]:
    """The sources that the entries as they stand now have written; what others left says nothing of these."""
    lock = params.with_name("dvc.lock")
    stages = read_yaml(lock)["stages"] if lock.exists() else {}
    content = read_yaml(params)
    return {
        key
        for table, stage in (("downloads", "download-corpus"), ("files", "import-file"))
        for key, entry in content[table].items()
        if stages.get(f"{stage}@{key}", {}).get("params", {}).get(params.name, {}).get(f"{table}.{key}") == entry
    }


def _models(experiment: Experiment, params: Path, sources: Path) -> Iterator[str]:
    current = _current_sources(params)
    present = {key for key in current if (sources / key / "config.json").exists()}
    if not present:
        return
    from tinybert.distill.general import require_fit, require_fit_of_folders
    from tinybert.distill.phase import require_phase_fit
    from tinybert.models.fit import require_length, require_same_tokenizer
    from tinybert.models.loading import load_config

    def line(place: str, requirement: Callable[..., None], *arguments: Any) -> Iterator[str]:
        try:
            requirement(*arguments)
        except UserError as error:
            yield f"{params}: {place}: {error}"

    unfit: set[str] = set()
    for key, general in experiment.general.items():
        if general.teacher in present:
            lines = list(line(f"general.{key}", require_fit, general, load_config(sources / general.teacher)))
            yield from lines
            unfit |= {key} if lines else set()
        if {general.teacher, general.start} <= present:
            folders = [sources / general.teacher, sources / general.start]
            yield from line(f"general.{key}", require_fit_of_folders, general, *folders)
    for key, task in experiment.tasks.items():
        if task.teacher.source in present:
            folder = sources / task.teacher.source
            yield from line(f"tasks.{key}.max_length", require_length, load_config(folder), task.max_length, folder)
        if {task.teacher.source, task.mlm.source} <= present and task.augment.copies:
            pair = sources / task.teacher.source, sources / task.mlm.source
            yield from line(f"tasks.{key}.mlm.from", require_same_tokenizer, *pair)
    for key, student in experiment.students.items():
        teachers = {experiment.general[student.general].teacher, experiment.tasks[student.task].teacher.source}
        if len(teachers) == 2 and teachers <= present:
            folders = [sources / teacher for teacher in sorted(teachers)]
            yield from line(f"students.{key}", require_same_tokenizer, *folders)
        if teachers <= present and student.general not in unfit:  # the same would mostly be said again
            general = experiment.general[student.general]
            of_general, of_task = (
                load_config(sources / name) for name in (general.teacher, experiment.tasks[student.task].teacher.source)
            )
            for name, phase in (("intermediate", student.intermediate), ("prediction", student.prediction)):
                arguments = (phase, general.architecture, of_task, of_general.hidden_size)
                yield from line(f"students.{key}.{name}", require_phase_fit, *arguments)
