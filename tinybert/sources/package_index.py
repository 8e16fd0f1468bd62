"""Find a pinned archive on the user's package indexes, and keep it in the download cache. Nothing in it is executed."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, cast

import httpx2
from filelock import FileLock
from unearth import Link, PackageFinder
from unearth.fetchers import Fetcher

from tinybert.errors import UserError
from tinybert.sources.http import PatientClient, UnreachableError, describe
from tinybert.sources.pip_config import PipSettings, read_pip_settings
from tinybert.sources.transfer import CACHE, TroubleError, download, matches

REMEDIES = {
    "mismatch": "correct `sha256` only if you trust these bytes",
    "unreachable": "check the network and the proxy, or give pip an index or a folder that is reachable "
    "(index-url, find-links)",
    "denied": "give pip a user and password for it (in index-url, or netrc)",
    "missing": "check `package` and `file`, or give pip an index that has them (index-url, find-links)",
}
"""What to change, by what went wrong, the most telling first."""


class Pin(NamedTuple):
    """One archive: its package as `name==version`, its file name, and the SHA-256 of its bytes."""

    package: str
    file: str
    sha256: str


def fetch(
    pin: Pin, cache: Path = CACHE, settings: PipSettings | None = None, tries: int = 5, pause: float = 0.5
) -> Path:
    """The archive in the download cache, `<cache>/<sha256>/<file>`, fetched if it isn't there; its bytes are checked.

    Args:
        pin: what to fetch.
        cache: a folder that outlives DVC's outs, so that a change in cleaning code fetches nothing again.
        settings: where to look; by default where the user's pip does.
        tries: for each request, and for a download that breaks off again and again.
        pause: seconds before the second try, doubled before each further one.

    Raises:
        UserError: no index has the file, no index can be reached, or the bytes are others than the pinned ones.
    """
    folder = cache / pin.sha256
    target, part = folder / pin.file, folder / f"{pin.file}.part"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):  # two entries of params.yaml may take members of one archive
        if target.exists() and matches(target, pin.sha256):
            return target
        settings = settings or read_pip_settings()
        troubles: list[TroubleError] = []
        with PatientClient(settings, tries, pause) as client:
            for link in _find(client, settings, pin, troubles):
                try:
                    download(client, link.url_without_fragment, part, pin.sha256, link.redacted)
                except TroubleError as trouble:
                    troubles.append(trouble)
                else:
                    part.replace(target)
                    return target
    kind = min((trouble.kind for trouble in troubles), key=list(REMEDIES).index, default="missing")
    reasons = "; ".join(dict.fromkeys(map(str, troubles))) or "pip is configured to look nowhere (no-index)"
    raise UserError(f"{pin.package}: cannot fetch {pin.file}: {reasons}; {REMEDIES[kind]}")


def _find(client: PatientClient, settings: PipSettings, pin: Pin, troubles: list[TroubleError]) -> Iterator[Link]:
    """Links to the file, by its exact name, whatever its platform; a place that fails does not hide the next."""
    places = [(place, True) for place in settings.find_links] + [(place, False) for place in settings.index_urls]
    for place, is_links in places:
        name = Link(place).redacted  # without password
        local = str(Path(place).expanduser()) if "://" not in place else place
        finder = PackageFinder(
            session=cast(Fetcher, client),
            index_urls=() if is_links else [place],
            find_links=[local] if is_links else (),
            ignore_compatibility=True,
        )
        with _warnings() as warnings:
            try:
                packages = finder.find_matches(pin.package, allow_yanked=True, allow_prereleases=True)
                links = [package.link for package in packages if package.link.filename == pin.file]
            except UnreachableError as error:
                troubles.append(TroubleError("unreachable", f"{name} cannot be reached ({error})"))
                continue
            except (httpx2.HTTPError, httpx2.InvalidURL, ValueError, OSError) as error:
                troubles.append(TroubleError("missing", f"{name} is no index ({describe(error)})"))
                continue
        if not links:
            reason = f" ({warnings[-1]})" if warnings else ""
            troubles.append(TroubleError("missing", f"{name} doesn't offer it{reason}"))
        yield from links


@contextmanager
def _warnings() -> Iterator[list[str]]:
    """What unearth only logs, such as an index that answers 404, as a list, and not on the terminal."""
    lines: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: lines.append(" ".join(record.getMessage().split()))  # type: ignore[method-assign]
    logger = logging.getLogger("unearth")
    propagate, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    try:
        yield lines
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate
