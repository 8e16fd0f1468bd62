"""Bytes from one URL to one file: resumed where they broke off, tried again, checked."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import httpx2
from tqdm import tqdm

from tinybert.sources.http import PatientClient, UnreachableError, describe

CACHE = Path(".cache/downloads")
"""Outlives DVC's outs, so that a change in cleaning code fetches nothing again."""

HEADWAY = 1 << 20
"""Bytes after which a line that broke is as good as new: 20 GB may break more often than one may ask in vain."""


class TroubleError(Exception):
    """Why one place didn't give the file; there may be others.

    Args:
        kind: `mismatch` (other bytes), `unreachable`, `denied` (HTTP 401 or 403) or `missing`.
        message: what happened, and where.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def download(
    client: PatientClient,
    url: str,
    part: Path,
    checksum: str | None,
    place: str,
    headers: Mapping[str, str] | None = None,
) -> None:
    """Fill `part` until it has the bytes of `checksum`; go on where an earlier try, or an earlier process, broke off.

    Args:
        client: asks, and says how often and how patiently.
        url: where to ask.
        part: `<the file's name>.part`; it may be there already.
        checksum: as in `matches`; None takes whatever comes, once it is complete.
        place: the URL as errors may show it, without a password.
        headers: further ones, such as a token; they stay with the host when it redirects to another.

    Raises:
        TroubleError: this URL doesn't give these bytes. A broken part stays, to be gone on with.
    """
    attempt = 1
    while True:
        start = part.stat().st_size if part.exists() else 0
        try:
            resumed = _stream(client, url, part, start if checksum else 0, place, headers)
        except httpx2.TransportError as error:
            trouble = TroubleError("unreachable", f"{place} breaks off ({describe(error)})")
        except UnreachableError as error:
            raise TroubleError("unreachable", f"{place} cannot be reached ({error})") from None
        except httpx2.TooManyRedirects:
            raise TroubleError("unreachable", f"{place} redirects in a circle") from None
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise TroubleError("missing", f"{place} cannot be read ({describe(error)})") from None
        else:
            if checksum is None or matches(part, checksum):
                return
            trouble = TroubleError("mismatch", f"{place} has {_name(part, checksum)}, expected {checksum}")
            part.unlink()
            if not resumed:
                raise trouble
        if part.exists() and part.stat().st_size - start >= HEADWAY:
            attempt = 1
        if attempt == client.tries:
            raise trouble
        client.back_off(attempt, str(trouble))
        attempt += 1


def matches(file: Path, checksum: str) -> bool:
    """Whether a file has these bytes: 64 hex digits are their SHA-256, 40 are git's SHA-1 of a blob."""
    return _digest(file, checksum) == checksum


def _name(file: Path, checksum: str) -> str:
    return f"{'sha256' if len(checksum) == 64 else 'git blob'} {_digest(file, checksum)}"


def _digest(file: Path, like: str) -> str:
    with file.open("rb") as stream:
        if len(like) == 64:
            return hashlib.file_digest(stream, "sha256").hexdigest()
        blob = hashlib.sha1(f"blob {file.stat().st_size}\0".encode(), usedforsecurity=False)
        while chunk := stream.read(1 << 20):
            blob.update(chunk)
        return blob.hexdigest()


def _stream(
    client: PatientClient, url: str, part: Path, start: int, place: str, headers: Mapping[str, str] | None
) -> bool:
    """Append the bytes from `start` on to `part`, or all bytes anew; returns whether older ones were kept."""
    wanted = {"Accept-Encoding": "identity", **(headers or {})} | ({"Range": f"bytes={start}-"} if start else {})
    # A token of ours is not to be overwritten by one that unearth finds in netrc or a keyring.
    auth = None if "authorization" in {name.lower() for name in wanted} else httpx2.USE_CLIENT_DEFAULT
    with client.stream("GET", url, headers=wanted, auth=auth) as response:
        if start and response.status_code == httpx2.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
            return True  # there is no more than what we have: right or wrong, the checksum says
        if response.status_code not in (httpx2.codes.OK, httpx2.codes.PARTIAL_CONTENT):
            denied = response.status_code in (httpx2.codes.UNAUTHORIZED, httpx2.codes.FORBIDDEN)
            status = f"HTTP {response.status_code} {response.reason_phrase}"
            raise TroubleError("denied" if denied else "missing", f"{place} answers {status}")
        resumed = start > 0 and response.headers.get("Content-Range", "").startswith(f"bytes {start}-")
        length = response.headers.get("Content-Length", "")
        kept = start if resumed else 0
        with (
            part.open("ab" if resumed else "wb") as file,
            tqdm(
                desc=f"  {part.name.removesuffix('.part')}",
                total=kept + int(length) if length.isdigit() else None,
                initial=kept,
                unit="B",
                unit_scale=True,
                unit_divisor=1024,
                disable=None,  # where nobody looks
            ) as progress,
        ):
            for chunk in response.iter_bytes(1 << 16):
                file.write(chunk)
                progress.update(len(chunk))
        return resumed
