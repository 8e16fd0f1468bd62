"""Everything that can be known before a run: params.yaml itself, your own files, models that are on disk already."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tinybert.check.dead_locks import find_dead_locks
from tinybert.check.own_files import look_at
from tinybert.metrics.scores import title
from tinybert.params.experiment import find_mistakes, load_experiment
from tinybert.params.table import read_yaml
from tinybert.running.caches import use_caches_as
from tinybert.running.digests import library_versions
from tinybert.running.launch import missing_program
from tinybert.running.lineage import read_lineage
from tinybert.tables.summary import kept

SMALL = 16 * 2**20
"""Bytes of a corpus that is read whole; cleaning a larger one takes longer than a check may."""


def find_all_mistakes(params: Path) -> Iterator[str]:
    """One line for each mistake in `params`, in your own files, and for each pair of models that do not fit each other.

    Models that are still to be downloaded can't be looked at; the stages that read them check the same.
    """
    dead = list(find_dead_locks(params.parent))
    yield from dead
    mistakes = list(find_mistakes(params))
    yield from mistakes
    if mistakes:
        return
    experiment = load_experiment(params)
    if problem := missing_program(experiment.launch):
        yield f"{params}: {problem}"
    use_caches_as("check")
    folders = {} if dead else {key: Path("data/sources") / key for key in _current_downloads(params)}
    for key, file in experiment.files.items():
        path = Path(file.path)
        if not path.exists():
            yield f"{params}: files.{key}.path: there is no {file.path!r} here; give a path from the project's folder"
        elif file.kind == "table" or (file.kind == "corpus" and _bytes(path) > SMALL):
            continue
        elif mistake := look_at(file)[0]:
            yield f"{params}: files.{key}: {mistake}"
        else:
            folders[key] = path
    summaries = {}
    for key, task in experiment.tasks.items():
        own = experiment.files.get(task.source)
        if own is not None and Path(own.path).exists():
            mistake, summaries[key] = look_at(own, task)
            if mistake:
                yield f"{params}: tasks.{key}: {mistake}"
    if models := {key: folder for key, folder in folders.items() if (folder / "config.json").exists()}:
        from tinybert.check.misfits import find_misfits

        yield from (f"{params}: {line}" for line in find_misfits(experiment, models, summaries))


def find_notes(params: Path) -> Iterator[str]:
    """A line for what is no mistake, and good to know: in your own tables, and of libraries; params have no mistake."""
    experiment = load_experiment(params)
    for key, task in experiment.tasks.items():
        if task.source not in experiment.files:
            continue
        _, summary = look_at(experiment.files[task.source], task)  # which `find_all_mistakes` has paid for
        names, called = summary["names"], title(task.metric, summary["names"])
        yield from (f"{params}: tasks.{key}: {line}" for line in kept(summary))
        if called != task.metric and task.label.names is None:
            yield (
                f"{params}: tasks.{key}: metric is {called}, the second class of the data; for the other, "
                f"label.names: [{names[1]}, {names[0]}]"
            )
    installed = library_versions()
    others: dict[tuple[str, str], list[Path]] = {}
    for file in sorted(Path("models").rglob("lineage.json")):
        for library in sorted(read_lineage(file.parent).get("libraries", {}).items() - installed.items()):
            others.setdefault(library, []).append(file.parent)
    for (name, version), (first, *more) in others.items():
        also = f" and {len(more)} more" if more else ""
        yield (
            f"{first}{also}: made with {name} {version}, and {installed.get(name)} is installed, which may give other "
            f"numbers; `pip install {name}=={version}`, or make them anew with `dvc repro --force`"
        )


def _bytes(path: Path) -> int:
    return sum(file.stat().st_size for file in (path, *path.rglob("*")) if file.is_file())


def _current_downloads(params: Path) -> Iterator[str]:
    """The downloads whose entries, as they stand now, have been run; what others left says nothing of these."""
    lock = params.with_name("dvc.lock")
    stages = (read_yaml(lock).get("stages") or {}) if lock.exists() else {}
    for key, entry in read_yaml(params)["downloads"].items():
        locked = stages.get(f"download-corpus@{key}", {}).get("params", {}).get(params.name, {})
        if locked.get(f"downloads.{key}") == entry:
            yield key
