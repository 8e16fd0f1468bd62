"""Where a pinned archive lies on the user's package indexes. Nothing in it is installed or executed."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import httpx2
from unearth import Link, PackageFinder
from unearth.fetchers import Fetcher

from tinybert.sources.transfer import PatientClient, Place, TroubleError, describe

REMEDIES = {
    "mismatch": "correct `sha256` only if you trust these bytes",
    "unreachable": "check the network and the proxy, or give pip a reachable index or folder (index-url, find-links)",
    "denied": "give pip a user and password for it (in index-url, or netrc)",
    "missing": "check `package` and `file`, or give pip an index that has them (index-url, find-links)",
}
"""What to change, by what went wrong."""


def find_archive(package: str, file: str, client: PatientClient) -> Iterator[Place | TroubleError]:
    """Links to the file of `name==version`, by its exact name, whatever its platform.

    A place that fails does not hide the next.
    """
    settings = client.settings
    for place, is_links in [(p, True) for p in settings.find_links] + [(p, False) for p in settings.index_urls]:
        name = Link(place).redacted  # without password
        finder = PackageFinder(
            session=cast(Fetcher, client),
            index_urls=() if is_links else [place],
            find_links=[place if "://" in place else str(Path(place).expanduser())] if is_links else (),
            ignore_compatibility=True,
        )
        warnings = _Warnings()
        try:
            found = [match.link for match in finder.find_matches(package, allow_yanked=True, allow_prereleases=True)]
        except TroubleError as trouble:
            yield trouble
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError, OSError) as error:
            yield TroubleError("missing", f"{name} is no index ({describe(error)})")
        else:
            links = [(link.url_without_fragment, link.redacted) for link in found if link.filename == file]
            yield from links
            if not links:
                yield TroubleError("missing", f"{name} doesn't offer it{warnings.last}")


class _Warnings(logging.Handler):
    """Keeps the last of what unearth only logs, such as an index that answers 404, from the terminal."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.last = ""
        logger = logging.getLogger("unearth")
        logger.handlers, logger.propagate = [self], False

    def emit(self, record: logging.LogRecord) -> None:
        self.last = f" ({' '.join(record.getMessage().split())})"
