"""The four kinds of a source, and the form in which each lies in `data/sources/<key>/`, wherever it came from."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from tinybert.errors import UserError
from tinybert.params.sources import File, Source
from tinybert.running.outputs import whole_folder
from tinybert.sources.pretrained import copy_model
from tinybert.sources.vectors import convert_vectors

WriteCorpus = Callable[[list[Path], Path, str | None], dict[str, int]]
"""Cleans files to a corpus in a folder: `tinybert.corpus.documents.write_corpus`, which stands above this package."""


def store_file(file: File, folder: Path, write_corpus: WriteCorpus) -> dict[str, int]:
    """Write a file or folder of the user's own to `folder` in the form of its kind.

    Raises:
        UserError: there is no such file, the folder is empty, or it is not of the kind that is said.
    """
    path = Path(file.path)
    if not path.is_file() and not path.is_dir():
        raise UserError(f"{path}: there is no such file or folder; correct `path`")
    if path.is_file() and file.kind == "model":
        raise UserError(f"{path}: a model is a folder, found a file; give the model's folder in `path`")
    root = path.parent if path.is_file() else path
    files = [path] if path.is_file() else sorted(entry for entry in path.rglob("*") if entry.is_file())
    files = [entry for entry in files if entry == path or "/." not in f"/{entry.relative_to(root).as_posix()}"]
    if not files:
        raise UserError(f"{path}: the folder holds no file; correct `path`")
    with whole_folder(folder) as partial:
        return convert(file, root, files, partial, write_corpus)


def convert(source: Source, root: Path, files: list[Path], folder: Path, write_corpus: WriteCorpus) -> dict[str, int]:
    """Bring `files`, which lie in or below `root`, into the form of the source's kind, in the existing `folder`.

    A corpus, a model and vectors are as `tinybert.corpus.store` and this package's `pretrained` and `vectors` write
    them; the files of a table stay as they came, under their paths from `root` on, such as `train.tsv` and `dev.tsv`.

    Raises:
        UserError: the files are not of that kind.
    """
    if source.kind == "corpus":
        return write_corpus(files, folder, source.column)
    if source.kind == "model":
        return copy_model(files, folder)
    if source.kind == "vectors":
        return convert_vectors(files, folder, source.words)
    for file in files:
        target = folder / file.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
    return {"files": len(files), "bytes": sum(file.stat().st_size for file in files)}
