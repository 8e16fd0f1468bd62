"""Where a pinned archive lies on the user's package indexes. Nothing in it is installed or executed."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from logging.handlers import BufferingHandler
from pathlib import Path
from typing import cast

import httpx2
from unearth import Link, PackageFinder
from unearth.fetchers import Fetcher, PyPIClient

from tinybert.sources import transfer
from tinybert.sources.pip_config import PipSettings
from tinybert.sources.transfer import Place, TroubleError, describe, patiently

REMEDIES = transfer.REMEDIES | {
    "unreachable": "check the network and the proxy, or give pip a reachable index or folder (index-url, find-links)",
    "denied": "give pip a user and password for it (in index-url, or netrc)",
    "missing": "check `package` and `file`, or give pip an index that has them (index-url, find-links)",
}


def find_archive(package: str, file: str, client: PyPIClient, settings: PipSettings) -> Iterator[Place | TroubleError]:
    """Links to the file of `name==version`, by its exact name, whatever its platform.

    A place that fails does not hide the next.
    """
    logger, log = logging.getLogger("unearth"), BufferingHandler(1000)
    logger.handlers, logger.propagate = [log], False  # it only logs that an index answers 404
    for place, is_links in [(p, True) for p in settings.find_links] + [(p, False) for p in settings.index_urls]:
        name = Link(place).redacted  # without password
        finder = PackageFinder(
            session=cast(Fetcher, client),
            index_urls=() if is_links else [place],
            find_links=[place if "://" in place else str(Path(place).expanduser())] if is_links else (),
            ignore_compatibility=True,
        )
        log.flush()
        try:
            found = patiently(
                lambda: list(finder.find_matches(package, allow_yanked=True, allow_prereleases=True)),  # noqa: B023
                f"{name} cannot be reached",
            )
        except TroubleError as trouble:
            yield trouble
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError, OSError) as error:
            yield TroubleError("missing", f"{name} is no index ({describe(error)})")
        else:
            links = [match.link for match in found if match.link.filename == file]
            yield from [(link.url_without_fragment, link.redacted) for link in links]
            if not links:
                why = "".join(f" ({' '.join(record.getMessage().split())})" for record in log.buffer[-1:])
                yield TroubleError("missing", f"{name} doesn't offer it{why}")
