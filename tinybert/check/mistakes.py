"""Everything that can be known before a run: params.yaml itself, your own files, models that are on disk already."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tinybert.check.oddities import find_oddities
from tinybert.errors import UserError, suggest
from tinybert.params.experiment import find_mistakes, load_experiment
from tinybert.params.sources import File
from tinybert.params.table import read_yaml
from tinybert.params.tasks import Task

FIRST_WORDS = 1000
"""Of word vectors, how many are read."""
SMALL = 16 * 2**20
"""Bytes of a corpus that is read whole; cleaning a larger one takes longer than a check may."""


def find_all_mistakes(params: Path, sources: Path = Path("data/sources")) -> Iterator[str]:
    """One line for each mistake in `params`, in your own files, and for each pair of models that do not fit each other.

    Models that are still to be downloaded can't be looked at; the stages that read them check the same.
    """
    mistakes = list(find_mistakes(params))
    yield from mistakes
    if mistakes:
        return
    experiment = load_experiment(params)
    folders: dict[str, Path] = {}
    try:
        folders |= {key: sources / key for key in _current_downloads(params)}
    except UserError as error:  # as git leaves it after a merge with conflicts
        yield f"{error}; resolve the conflict, or `git checkout dvc.lock`"
    for key, file in experiment.files.items():
        path = Path(file.path)
        if not path.exists():
            yield f"{params}: files.{key}.path: there is no {file.path!r} here; give a path from the project's folder"
        elif file.kind in ("model", "vectors") or (file.kind == "corpus" and _bytes(path) <= SMALL):
            misfits = list(_content(params, key, file))
            yield from misfits
            if not misfits:
                folders[key] = path
    summaries = {}
    for key, task in experiment.tasks.items():
        own = experiment.files.get(task.source)
        if own is not None and Path(own.path).exists():
            missing = list(_split_files(params, key, task, Path(own.path)))
            yield from missing
            summaries[key] = {} if missing else (yield from _rows(params, key, task, own))
            for line in find_oddities(task, summaries[key]):
                print(f"note: {params}: tasks.{key}: {line}")
    models = {key: folder for key, folder in folders.items() if (folder / "config.json").exists()}
    if models:
        from tinybert.check.misfits import find_misfits

        for line in find_misfits(experiment, models, summaries):
            yield f"{params}: {line}"


def _content(params: Path, key: str, file: File) -> Iterator[str]:
    """What the import would say of a model, a corpus or the first vectors: it is run, in a folder that is removed."""
    from tinybert.corpus.documents import write_corpus
    from tinybert.sources.kinds import store_file

    words = min(file.words or FIRST_WORDS, FIRST_WORDS) if file.kind == "vectors" else None
    with TemporaryDirectory() as scratch:
        try:
            store_file(file.model_copy(update={"words": words}), Path(scratch) / key, write_corpus)
        except UserError as error:
            yield f"{params}: files.{key}: {error}"


def _bytes(path: Path) -> int:
    return sum(file.stat().st_size for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file())


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


def _rows(params: Path, key: str, task: Task, file: File) -> Generator[str, None, dict[str, Any]]:
    """What the two first stages would say of a table of one's own: they are run on it, in a folder that is removed.

    Returns:
        The summary of `tinybert.tasks.prepare.prepare`, empty after a mistake.
    """
    from tinybert.corpus.documents import write_corpus
    from tinybert.questions import prepare as questions
    from tinybert.sources.kinds import store_file
    from tinybert.tasks import prepare as tasks

    prepare = questions.prepare if task.type == "span" else tasks.prepare

    path = Path(file.path)
    with TemporaryDirectory() as scratch:
        source, folder = Path(scratch) / "source", Path(scratch) / "task"
        folder.mkdir()
        try:
            store_file(file, source, write_corpus)
            return prepare(source, task, folder)
        except UserError as error:
            text = str(error).replace(str(source / path.name), str(path)).replace(str(source), str(path))
            yield f"{params}: tasks.{key}: {text}"
    return {}


def _current_downloads(params: Path) -> Iterator[str]:
    """The downloads whose entries, as they stand now, have been run; what others left says nothing of these."""
    lock = params.with_name("dvc.lock")
    content = read_yaml(lock) if lock.exists() else {}
    stages = content.get("stages") or {}
    for key, entry in read_yaml(params)["downloads"].items():
        locked = stages.get(f"download-corpus@{key}", {}).get("params", {}).get(params.name, {})
        if locked.get(f"downloads.{key}") == entry:
            yield key
