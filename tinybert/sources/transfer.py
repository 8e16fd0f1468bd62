"""Pinned bytes from one of several places to the download cache: resumed where they broke off, tried again, checked."""

from __future__ import annotations

import hashlib
import ssl
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx2
from filelock import FileLock
from tqdm import tqdm
from unearth.auth import MultiDomainBasicAuth
from unearth.fetchers import PyPIClient

from tinybert.errors import UserError
from tinybert.sources.pip_config import PipSettings, read_pip_settings

CACHE = Path(".cache/downloads")
"""Outlives DVC's outs, so that a change in cleaning code fetches nothing again."""

HEADWAY = 1 << 20
"""Bytes after which a line that broke is as good as new: 20 GB may break more often than one may ask in vain."""

BUSY = (408, 425, 429, 500, 502, 503, 504)
"""HTTP statuses that may be gone in a moment."""

KINDS = ("mismatch", "unreachable", "denied", "missing")
"""What can go wrong with a place, the most telling first: other bytes, no answer, HTTP 401 or 403, no such file."""


class TroubleError(Exception):
    """Why one place didn't give the file; there may be others."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class PatientClient(PyPIClient):
    """unearth's client (http, https and file URLs, trusted hosts, netrc and keyring) that asks a busy server again."""

    def __init__(self, settings: PipSettings, tries: int, pause: float) -> None:
        self.settings, self.tries, self.pause = settings, tries, pause
        way: dict[str, Any] = {"proxy": settings.proxy, "timeout": settings.timeout, "follow_redirects": True}
        try:
            verify = ssl.create_default_context(cafile=settings.cert) if settings.cert else True
            super().__init__(trusted_hosts=settings.trusted_hosts, verify=verify, **way)
        except (ValueError, OSError, httpx2.InvalidURL) as error:
            raise UserError(
                f"pip's `proxy` or `cert` cannot be used ({describe(error)}); correct them, or HTTP_PROXY, HTTPS_PROXY "
                "and ALL_PROXY, as in http://host:port"
            ) from None
        self.auth = MultiDomainBasicAuth(prompting=False, index_urls=settings.index_urls)

    def send(self, request: httpx2.Request, **arguments: Any) -> httpx2.Response:
        """As `httpx2.Client.send`; a TroubleError after the last try."""
        trouble = ""
        for attempt in range(self.tries):
            if attempt:
                self.back_off(attempt, f"{request.url.host}: {trouble}")
            try:
                response = super().send(request, **arguments)
            except httpx2.UnsupportedProtocol:
                raise
            except httpx2.TransportError as error:
                trouble = describe(error)
                continue
            if response.status_code not in BUSY:
                return response
            trouble = f"HTTP {response.status_code}"
            response.close()
        raise TroubleError("unreachable", f"{request.url.host} cannot be reached ({trouble})")

    def back_off(self, attempt: int, trouble: str) -> None:
        """Say what happened, and wait before try number `attempt` (from 1)."""
        seconds = self.pause * 2 ** (attempt - 1)
        tqdm.write(f"  {trouble}; trying again in {seconds:g} s ({attempt + 1} of {self.tries})", file=sys.stderr)
        time.sleep(seconds)


Place = tuple[str, str]
"""A URL, and how errors may show it: without a password."""
Places = Callable[[PatientClient], Iterator[Place | TroubleError]]
"""Looks for a file: the places that have it, and what is wrong with the others."""


def fetch(
    name: str,
    sha256: str,
    places: Places,
    remedies: Mapping[str, str],
    cache: Path = CACHE,
    settings: PipSettings | None = None,
    tries: int = 5,
    pause: float = 0.5,
) -> Path:
    """The file in the download cache, `<cache>/<sha256>/<name>`, fetched if it isn't there; its bytes are checked.

    Args:
        places: asked in their order, and only where the file is not in the cache.
        remedies: what to change, by what went wrong (see KINDS).
        settings: of the way there; by default those of the user's pip.
        tries: for each request, and for a download that breaks off again and again.
        pause: seconds before the second try, doubled before each further one.

    Raises:
        UserError: no place can be reached or has the file, or the bytes are others than the pinned ones.
    """
    folder = cache / sha256
    target, part = folder / name, folder / f"{name}.part"
    folder.mkdir(parents=True, exist_ok=True)
    troubles = []
    with FileLock(folder / ".lock"):  # two entries of params.yaml may take members of one archive
        if target.exists() and digest(target) == sha256:
            return target
        with PatientClient(settings or read_pip_settings(), tries, pause) as client:
            for place in places(client):
                try:
                    if isinstance(place, TroubleError):
                        raise place
                    _download(client, place, part, sha256)
                    return part.replace(target)
                except TroubleError as trouble:
                    troubles.append(trouble)
    kind = min((trouble.kind for trouble in troubles), key=KINDS.index, default="missing")
    reasons = "; ".join(dict.fromkeys(map(str, troubles))) or "pip is configured to look nowhere (no-index)"
    raise UserError(f"cannot fetch {name}: {reasons}; {remedies[kind]}")


def digest(file: Path) -> str:
    """The SHA-256 of its bytes, as 64 hex digits."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def describe(error: BaseException) -> str:
    """An exception's message in one line, or its type where it has none."""
    return " ".join(str(error).split()) or type(error).__name__


def _download(client: PatientClient, place: Place, part: Path, sha256: str) -> None:
    """Fill `part`; go on where an earlier try, or an earlier process, broke off. A broken part stays.

    Raises:
        TroubleError: this place doesn't give these bytes.
    """
    attempt, (url, shown) = 1, place
    while True:
        start = part.stat().st_size if part.exists() else 0
        try:
            resumed = _stream(client, url, shown, part, start)
        except httpx2.TransportError as error:
            trouble = TroubleError("unreachable", f"{shown} breaks off ({describe(error)})")
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise TroubleError("missing", f"{shown} cannot be read ({describe(error)})") from None
        else:
            if (found := digest(part)) == sha256:
                return
            trouble = TroubleError("mismatch", f"{shown} has sha256 {found}, expected {sha256}")
            part.unlink()
            if not resumed:
                raise trouble
        if part.exists() and part.stat().st_size - start >= HEADWAY:
            attempt = 1
        if attempt == client.tries:
            raise trouble
        client.back_off(attempt, str(trouble))
        attempt += 1


def _stream(client: PatientClient, url: str, shown: str, part: Path, start: int) -> bool:
    """Append the bytes from `start` on to `part`, or all bytes anew; returns whether older ones were kept."""
    wanted = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
    with client.stream("GET", url, headers=wanted) as response:
        if start and response.status_code == httpx2.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
            return True  # there is no more than what we have: right or wrong, the checksum says
        if response.status_code not in (httpx2.codes.OK, httpx2.codes.PARTIAL_CONTENT):
            denied = response.status_code in (httpx2.codes.UNAUTHORIZED, httpx2.codes.FORBIDDEN)
            answer = f"{shown} answers HTTP {response.status_code} {response.reason_phrase}"
            raise TroubleError("denied" if denied else "missing", answer)
        resumed = start > 0 and response.headers.get("Content-Range", "").startswith(f"bytes {start}-")
        kept = start if resumed else 0
        total = kept + int(response.headers.get("Content-Length", 0)) or None
        bar = tqdm(desc=f"  {part.stem}", total=total, initial=kept, unit="B", unit_scale=True, disable=None)
        with part.open("ab" if resumed else "wb") as file, bar:
            for chunk in response.iter_bytes(1 << 16):
                file.write(chunk)
                bar.update(len(chunk))
        return resumed
