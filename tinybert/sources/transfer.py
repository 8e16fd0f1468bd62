"""Pinned bytes from one of several places to the download cache: resumed where they broke off, tried again, checked."""

from __future__ import annotations

import hashlib
import ssl
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TypeVar

import httpx2
from filelock import FileLock
from tqdm import tqdm
from unearth.auth import MultiDomainBasicAuth
from unearth.fetchers import PyPIClient

from tinybert.errors import UserError
from tinybert.running.bars import Bar
from tinybert.sources.pip_config import PipSettings, read_pip_settings

CACHE = Path(".cache/downloads")
"""Outlives DVC's outs, so that a change in cleaning code fetches nothing again."""

TRIES = 5
PAUSE = 0.5
"""Seconds before the second try, doubled before each further one."""

BUSY = (408, 425, 429, 500, 502, 503, 504)
"""HTTP statuses that may be gone in a moment."""

REMEDIES = {
    "mismatch": "correct `sha256` only if you trust these bytes",
    "unreachable": "check the network and the proxy",
    "denied": "fetch it yourself, and name it in `files` with its path",
    "missing": "correct the address",
}
"""What to change by what went wrong, the most telling first: other bytes, no answer, HTTP 401 or 403, no such file."""

Answer = TypeVar("Answer")


class TroubleError(Exception):
    """Why one place didn't give the file: what went wrong, a key of REMEDIES, and a message."""


Place = tuple[str, str]
"""A URL, and how errors may show it: without a password."""
Places = Callable[[PyPIClient, PipSettings], Iterator[Place | TroubleError]]
"""Looks for a file: the places that have it, and what is wrong with the others."""


def fetch(name: str, sha256: str, places: Places, remedies: Mapping[str, str] = REMEDIES) -> Path:
    """The file in the download cache, `<sha256>/<name>`, fetched as pip would if it isn't there; its bytes are checked.

    Args:
        places: asked in their order, and only where the file is not in the cache.
        remedies: what to change, by what went wrong.

    Raises:
        UserError: no place can be reached or has the file, or the bytes are others than the pinned ones.
    """
    folder = CACHE / sha256
    target, part = folder / name, folder / f"{name}.part"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):  # two entries of params.yaml may take members of one archive
        if target.exists() and digest(target) == sha256:
            return target
        part.touch()
        settings, troubles = read_pip_settings(), []
        with _open_client(settings) as client:
            for place in places(client, settings):
                try:
                    if isinstance(place, TroubleError):
                        raise place
                    _download(client, place, part, sha256)
                    return part.replace(target)
                except TroubleError as trouble:
                    troubles.append(trouble.args)
    kind = min((kind for kind, _ in troubles), key=[*REMEDIES].index, default="missing")
    reasons = "; ".join(dict.fromkeys(reason for _, reason in troubles))
    raise UserError(
        f"cannot fetch {name}: {reasons or 'pip is configured to look nowhere (no-index)'}; {remedies[kind]}"
    )


def digest(file: Path) -> str:
    """The SHA-256 of its bytes, as 64 hex digits."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def describe(error: BaseException) -> str:
    """An exception's message in one line, or its type where it has none."""
    return " ".join(str(error).split()) or type(error).__name__


def patiently(act: Callable[[], Answer], trouble: str, part: Path | None = None) -> Answer:
    """What `act` returns, tried again where the network fails; a file `part` that has grown has the tries start anew.

    Raises:
        TroubleError: after the last try.
    """
    tries, size = 0, 0
    while True:
        try:
            return act()
        except httpx2.UnsupportedProtocol:
            raise
        except httpx2.TransportError as error:
            reason = f"{trouble} ({describe(error)})"
        before, size = size, max(size, part.stat().st_size if part else 0)
        tries = 1 if size > before else tries + 1
        if tries == TRIES:
            raise TroubleError("unreachable", reason)
        seconds = PAUSE * 2 ** (tries - 1)
        tqdm.write(f"  {reason}; trying again in {seconds:g} s ({tries + 1} of {TRIES})", file=sys.stderr)
        time.sleep(seconds)


def _open_client(settings: PipSettings) -> PyPIClient:
    """unearth's client (http, https and file URLs, trusted hosts, netrc and keyring), which goes the way that pip does.

    Raises:
        UserError: pip's proxy or certificate is none.
    """
    try:
        client = PyPIClient(
            trusted_hosts=settings.trusted_hosts,
            verify=ssl.create_default_context(cafile=settings.cert) if settings.cert else True,
            timeout=settings.timeout,
            proxy=settings.proxy,
            follow_redirects=True,
            event_hooks={"response": [_refuse_busy]},
        )
    except (ValueError, OSError, httpx2.InvalidURL) as error:
        raise UserError(
            f"pip's `proxy` or `cert` cannot be used ({describe(error)}); correct them, or HTTP_PROXY, HTTPS_PROXY "
            "and ALL_PROXY, as in http://host:port"
        ) from None
    client.auth = MultiDomainBasicAuth(prompting=False, index_urls=settings.index_urls)
    return client


def _refuse_busy(response: httpx2.Response) -> None:
    """A busy server is as good as a broken line: it is asked again."""
    if response.status_code in BUSY:
        raise httpx2.TransportError(f"HTTP {response.status_code}")


def _download(client: PyPIClient, place: Place, part: Path, sha256: str) -> None:
    """Fill `part`; go on where an earlier try, or an earlier process, broke off. A broken part stays.

    Raises:
        TroubleError: this place doesn't give these bytes.
    """
    older, shown = part.stat().st_size > 0, place[1]
    try:
        patiently(partial(_stream, client, place, part), f"{shown} cannot be reached, or breaks off", part)
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise TroubleError("missing", f"{shown} cannot be read ({describe(error)})") from None
    if (found := digest(part)) != sha256:
        part.write_bytes(b"")
        if not older:
            raise TroubleError("mismatch", f"{shown} has sha256 {found}, expected {sha256}")
        _download(client, place, part, sha256)


def _stream(client: PyPIClient, place: Place, part: Path) -> None:
    """Append the bytes that `part` lacks, or write all of them anew where the server knows no ranges."""
    (url, shown), start = place, part.stat().st_size
    wanted = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
    with client.stream("GET", url, headers=wanted) as response:
        if start and response.status_code == httpx2.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
            return  # there is no more than what we have: right or wrong, the checksum says
        if response.status_code not in (httpx2.codes.OK, httpx2.codes.PARTIAL_CONTENT):
            denied = response.status_code in (httpx2.codes.UNAUTHORIZED, httpx2.codes.FORBIDDEN)
            answer = f"{shown} answers HTTP {response.status_code} {response.reason_phrase}"
            raise TroubleError("denied" if denied else "missing", answer)
        kept = start if response.headers.get("Content-Range", "").startswith(f"bytes {start}-") else 0
        total = kept + int(response.headers.get("Content-Length", 0)) or None
        bar = Bar(desc=f"  {part.stem}", total=total, initial=kept, unit="B", unit_scale=True)
        with part.open("ab" if kept else "wb") as file, bar:
            for chunk in response.iter_bytes(1 << 16):
                file.write(chunk)
                bar.update(len(chunk))
