"""A pinned file of the web, or of gensim-data's releases, in the download cache."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from filelock import FileLock

from tinybert.errors import UserError
from tinybert.sources.http import PatientClient
from tinybert.sources.pip_config import PipSettings, read_pip_settings
from tinybert.sources.transfer import CACHE, TroubleError, download, matches

REMEDIES = {
    "mismatch": "correct `sha256` only if you trust these bytes",
    "unreachable": "check the network and the proxy",
    "denied": "fetch it yourself, and name it in `files` with its path",
    "missing": "correct the address",
}
"""What to change, by what went wrong."""


def fetch_url(
    url: str,
    sha256: str,
    cache: Path = CACHE,
    settings: PipSettings | None = None,
    tries: int = 5,
    pause: float = 0.5,
) -> Path:
    """The file in the download cache, `<cache>/<sha256>/<name>`, fetched if it isn't there; its bytes are checked.

    Args:
        url: http or https; the checksum guards the bytes either way.
        sha256: of the file.
        cache: see `tinybert.sources.transfer.CACHE`.
        settings: certificates, proxy and time-out; by default those of the user's pip.
        tries: for each request, and for a download that breaks off again and again.
        pause: seconds before the second try, doubled before each further one.

    Raises:
        UserError: the server can't be reached, has no such file or gives it to nobody, or the bytes are others.
    """
    parts = urlsplit(url)
    place = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"  # without a password or a token
    name = PurePosixPath(unquote(PurePosixPath(parts.path).name)).name
    folder = cache / sha256
    target, part = folder / name, folder / f"{name}.part"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):
        if target.exists() and matches(target, sha256):
            return target
        with PatientClient(settings or read_pip_settings(), tries, pause) as client:
            try:
                download(client, url, part, sha256, place)
            except TroubleError as trouble:
                raise UserError(f"cannot fetch {name}: {trouble}; {REMEDIES[trouble.kind]}") from None
        return part.replace(target)


def gensim_url(name: str) -> str:
    """Where gensim's downloader finds the vectors called `name`.

    That downloader itself is not called: beside the vectors it fetches a script, and runs it to load them.
    """
    from gensim.downloader import DOWNLOAD_BASE_URL  # takes seconds

    return f"{DOWNLOAD_BASE_URL}/{name}/{name}.gz"
