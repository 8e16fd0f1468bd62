"""`python -m tinybert init`: a file of labelled text → params.yaml, with a reason for each choice."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import tinybert
from tinybert.check.draft import Draft
from tinybert.check.mistakes import find_all_mistakes
from tinybert.check.params_file import comment, sections, table
from tinybert.errors import UserError
from tinybert.params.sources import Download
from tinybert.params.table import read_yaml
from tinybert.running.caches import use_caches_as
from tinybert.running.outputs import whole_file

PRESET = Path(tinybert.__file__).parents[1] / "presets/own-csv.yaml"
"""What the experiment is made from: the default's downloads, its general student, and a task on a file."""
UNTOLD = {"train", "training", "dev", "test", "data", "dataset", "table", "file"}
"""Names of files that say nothing of what is in them; the folder's name may."""


def init(
    data: Path,
    params: Path,
    texts: Sequence[str] = (),
    labels: Sequence[str] = (),
    teacher: Path | None = None,
    minutes: float | None = None,
    force: bool = False,
) -> Iterator[str]:
    """Write `params`, and say line by line what was found, how long a run will take, and what to type next.

    Raises:
        UserError: the file, its columns or the teacher can't be used, or `params` has edits that would be lost.
    """
    if not force:
        _require_replaceable(params)
    if minutes is not None and not minutes > 0:
        raise UserError(f"--minutes: expected more than 0, found {minutes:g}")
    use_caches_as("check")  # which is to find what was looked at here
    with _general_teacher() as general_teacher:
        draft = Draft(PRESET, data, key_of(data), general_teacher)
        draft.read(texts, labels)
        draft.take_teacher(teacher)
        draft.look()
        from tinybert.check.budget import fit

        costs = fit(draft, minutes)
    with TemporaryDirectory() as scratch:
        attempt = Path(scratch) / params.name
        attempt.write_text(_text(draft, costs), encoding="utf-8")
        if (lock := params.with_name("dvc.lock")).exists():
            shutil.copy(lock, scratch)  # which says which models on disk are those of the entries
        for mistake in find_all_mistakes(attempt):
            raise UserError(mistake.removeprefix(f"{attempt}: "))
        with whole_file(params) as partial:
            shutil.copyfile(attempt, partial)
    yield from draft.said
    yield from costs
    if not data.absolute().is_relative_to(Path.cwd()) or ".." in data.parts:
        yield f"note: {data} is outside of this folder, and stays there; a copy of the project would lack it"
    yield f"{params}: written, with a reason for each choice; now type: make repro"


def key_of(file: Path) -> str:
    """The name of a task on a file: its own, or its folder's where that says more."""
    names = [file.name.partition(".")[0], file.absolute().parent.name]
    name = names[1] if names[0].casefold() in UNTOLD and names[1] else names[0]
    key = re.sub(r"[^a-z0-9_]+", "-", name.casefold()).strip("-_")
    return key if re.match("[a-z]", key) else f"data-{key}".rstrip("-")


def _text(draft: Draft, costs: Sequence[str]) -> str:
    """The preset with the draft's entries in the place of its own."""
    parts = sections(draft.preset)
    command = f"python -m tinybert init {draft.data}"
    about = f"Written by `{command}`, with a reason for each choice. Every key and its meaning: tinybert/params/."
    parts[""] = "\n".join(line for each in (about, *costs) for line in comment(each)) + "\n"
    parts["name"] = re.sub("^name: .*", f"name: {draft.key}", parts["name"])
    parts["files"] = table("files", draft.files, draft.why)
    if draft.own_general:
        parts["general"] = table("general", {draft.general_key: draft.general}, draft.why)
    parts["tasks"] = table("tasks", {draft.key: draft.task}, draft.why)
    parts["students"] = table("students", {f"{draft.key}-tinybert4": draft.student}, draft.why)
    return "".join(parts.values()).rstrip("\n") + "\n"


def _require_replaceable(params: Path) -> None:
    """Refuse to write over what git doesn't have."""
    if not params.exists():
        return
    try:
        folder, name = params.absolute().parent, params.name
        done = subprocess.run(["git", "show", f"HEAD:./{name}"], cwd=folder, capture_output=True)
    except FileNotFoundError:
        done = None
    if done is None or done.returncode or done.stdout != params.read_bytes():
        advice = "commit it, or write over it by --force, or another file by --params"
        raise UserError(f"{params}: it has edits that git doesn't have; {advice}")


@contextmanager
def _general_teacher() -> Iterator[Path]:
    """The folder of the default's general teacher: as the pipeline left it, or fetched to the download cache."""
    preset = read_yaml(PRESET)
    key = next(iter(preset["general"].values()))["teacher"]
    folder = Path(preset["files"][key]["path"] if key in preset["files"] else f"data/sources/{key}")
    if (folder / "config.json").exists():
        yield folder
        return
    from tinybert.corpus.documents import write_corpus
    from tinybert.sources.downloads import store_download

    with TemporaryDirectory() as scratch:
        folder = Path(scratch) / key
        store_download(Download.model_validate(preset["downloads"][key]), folder, write_corpus)
        yield folder
