"""Files of a model or data set of the Hugging Face hub at one commit, in the download cache. Code is never fetched.

huggingface_hub lists and fetches them, and knows tokens, mirrors and Xet. It compares sizes; the checksums are compared
here, where each file of its cache is called by its own.
"""

from __future__ import annotations

import glob
import hashlib
import os
import re
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
from huggingface_hub import errors, get_cached_repo_tree, snapshot_download
from huggingface_hub.utils import logging

from tinybert.errors import UserError
from tinybert.params.sources import Download
from tinybert.sources.choice import choose_files
from tinybert.sources.transfer import CACHE, describe, digest

ENDPOINT = "https://huggingface.co"
TOKEN = "log in by `hf auth login`, or set HF_TOKEN to a token that may read it"
CHECKSUM = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")


def fetch_repository(download: Download) -> tuple[Path, list[Path]]:
    """The folder of a repository in the download cache, and the files in it that the entry is made of.

    What is there already is checked and not fetched again: the second time no network is needed. A download that breaks
    off goes on; one whose process is killed begins its present file anew.

    Raises:
        UserError: the hub can't be reached, has no such repository or commit or gives it to nobody, or the bytes are
            others than the hub says.
    """
    name, kind = f"{download.hub}", "model" if download.kind == "model" else "dataset"
    where: dict[str, Any] = {"repo_type": kind, "revision": download.revision, "cache_dir": CACHE / "hub"}
    # the endpoint is asked for here, since huggingface_hub reads it but once, when it is imported
    endpoint = os.environ.get("HF_ENDPOINT", "").rstrip("/") or ENDPOINT
    ask = partial(snapshot_download, name, **where, endpoint=endpoint)
    logging.set_verbosity_error()  # of a download of nothing it warns
    try:
        ask(allow_patterns=[])  # the listing alone
        logging.set_verbosity_warning()
        files = choose_files(download, sorted(file.path for file in get_cached_repo_tree(name, **where)))
        for last_try in (False, True):
            folder = Path(ask(allow_patterns=[glob.escape(file) for file in files]))
            spoiled = [file for file in files if not _is_whole(folder / file)]
            for file in spoiled:
                (folder / file).resolve().unlink()
                (folder / file).unlink()
            if spoiled and last_try:
                raise UserError(
                    f"{name}: cannot fetch {spoiled[0]}: its bytes are others than the hub says; the server "
                    "or its mirror is at fault; run it again later, or unset HF_ENDPOINT"
                )
    except (OSError, httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
        if getattr(error, "errno", None) is not None:  # a full disk, and no word of the hub's
            raise
        raise UserError(f"{name}: {_refusal(error, download, endpoint)}") from None
    return folder, [folder / file for file in files]


def _is_whole(file: Path) -> bool:
    """Whether a file of the cache has the bytes of the checksum that it is called by there: SHA-256, or git's SHA-1."""
    checksum = file.resolve().name
    if not CHECKSUM.fullmatch(checksum):
        return True  # a mirror that doesn't know it, or a disk without links
    if len(checksum) == 64:
        return digest(file) == checksum
    content = file.read_bytes()  # what is large is in Git LFS, and has the other one
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest() == checksum


def _refusal(error: Exception, download: Download, endpoint: str) -> str:
    """What went wrong, and what to change."""
    kind, other, page = (
        ("model", "a data set", "") if download.kind == "model" else ("data set", "a model", "datasets/")
    )
    cause = error.__cause__ if isinstance(error, errors.LocalEntryNotFoundError) and error.__cause__ else error
    status = cause.response.status_code if isinstance(cause, errors.HfHubHTTPError) else None
    if isinstance(cause, errors.OfflineModeIsEnabled):
        return "not in the download cache, and HF_HUB_OFFLINE is set; unset it"
    if isinstance(cause, errors.GatedRepoError) or status == httpx2.codes.FORBIDDEN:
        return f"gated: accept its terms on {endpoint}/{page}{download.hub}, then {TOKEN}"
    if status == httpx2.codes.NOT_FOUND:
        what = f"there is no such {kind}, or no commit {download.revision}"
        return f"{what}; correct `hub` and `revision`, or `kind` where it is {other}"
    if status == httpx2.codes.UNAUTHORIZED:  # so that nobody learns which private ones there are
        return f"there is no such {kind}, or it is private or gated; correct `hub`, or {TOKEN}"
    return f"the hub cannot be reached ({endpoint}: {describe(cause)}); check the network, the proxy and HF_ENDPOINT"
