"""Files of a model or data set of the Hugging Face hub at one commit, in the download cache. Code is never fetched.

huggingface_hub lists the files and knows tokens, mirrors and the hub's ways to say no. The bytes come as all other
downloads do, so that they are resumed and compared with the hub's checksums.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple, TypeVar

import httpx2
from filelock import FileLock
from huggingface_hub import HfApi, get_hf_file_metadata, hf_hub_url
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    OfflineModeIsEnabled,
    RevisionNotFoundError,
)
from huggingface_hub.utils import build_hf_headers

from tinybert.errors import UserError
from tinybert.running.outputs import whole_file
from tinybert.sources.http import BUSY, PatientClient, describe
from tinybert.sources.pip_config import PipSettings
from tinybert.sources.transfer import CACHE, TroubleError, download, matches

ENDPOINT = "https://huggingface.co"

TOKEN = "log in by `hf auth login`, or set HF_TOKEN to a token that may read it"

REMEDIES = {
    "mismatch": "the server or its mirror is at fault; run it again later, or unset HF_ENDPOINT",
    "unreachable": "check the network, the proxy and HF_ENDPOINT",
    "denied": f"accept its terms on its page, then {TOKEN}",
    "missing": "correct `hub` and `revision`",
}

Type = Literal["model", "dataset"]
Answer = TypeVar("Answer")


class Repository(NamedTuple):
    """A model or data set at a commit."""

    type: Type
    name: str
    revision: str

    @property
    def page(self) -> str:
        return f"{_endpoint()}/{'datasets/' if self.type == 'dataset' else ''}{self.name}"


def fetch_repository(
    repository: Repository,
    choose: Callable[[list[str]], list[str]],
    cache: Path = CACHE,
    tries: int = 5,
    pause: float = 0.5,
) -> tuple[Path, list[Path]]:
    """The folder of a repository in the download cache, and the files in it that `choose` takes of all its names.

    What is there already is checked and not fetched again: the second time no network is needed.

    Args:
        repository: what, and at which commit.
        choose: from the sorted names of all files to those to take; it may raise a UserError of its own.
        cache: see `tinybert.sources.transfer.CACHE`.
        tries: for each request, and for a download that breaks off again and again.
        pause: seconds before the second try, doubled before each further one.

    Raises:
        UserError: the hub can't be reached, has no such repository or commit or gives it to nobody, or the bytes are
            others than the hub says.
    """
    folder = cache / "hub" / f"{repository.type}s" / repository.name / repository.revision
    listing = folder.with_name(f"{repository.revision}.json")
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder.with_name(f"{repository.revision}.lock"))
    with lock, PatientClient(PipSettings(index_urls=()), tries, pause) as client:
        if listing.exists():
            checksums = json.loads(listing.read_text(encoding="utf-8"))
        else:
            checksums = _ask(partial(_list_files, repository), repository, client)
            _write(checksums, listing)
        names = choose(sorted(checksums))
        for name in names:
            _check_path(name, repository)
            if checksums[name] is None and not (folder / name).exists():
                checksums[name] = _ask(partial(_find_checksum, repository, name), repository, client)
                _write(checksums, listing)
            _fetch_file(repository, name, checksums[name], folder / name, client)
    return folder, [folder / name for name in names]


def _list_files(repository: Repository) -> dict[str, str | None]:
    """All files and their checksums (see `transfer.matches`), None where the hub's listing doesn't say."""
    api = HfApi(endpoint=_endpoint())
    about = api.model_info if repository.type == "model" else api.dataset_info
    files = about(repository.name, revision=repository.revision, files_metadata=True).siblings or ()
    return {file.rfilename: file.lfs.sha256 if file.lfs else file.blob_id for file in files}


def _find_checksum(repository: Repository, name: str) -> str | None:
    """The checksum that the hub says when it is asked for one file."""
    etag = get_hf_file_metadata(_url(repository, name), headers=build_hf_headers(), endpoint=_endpoint()).etag
    return etag if etag and len(etag) in (40, 64) and set(etag) <= set("0123456789abcdef") else None


def _fetch_file(repository: Repository, name: str, checksum: str | None, target: Path, client: PatientClient) -> None:
    if target.exists() and (checksum is None or matches(target, checksum)):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    url = _url(repository, name)
    try:
        download(client, url, part, checksum, url, build_hf_headers())
    except TroubleError as trouble:
        raise UserError(f"{repository.name}: cannot fetch {name}: {trouble}; {REMEDIES[trouble.kind]}") from None
    part.replace(target)


def _ask(call: Callable[[], Answer], repository: Repository, client: PatientClient) -> Answer:
    """What the hub answers, asked again while it is busy or out of reach.

    Raises:
        UserError: it says no, or nothing.
    """
    what = f"{repository.name}: "
    trouble = ""
    for attempt in range(client.tries):
        if attempt:
            client.back_off(attempt, trouble)
        try:
            return call()
        except OfflineModeIsEnabled:
            raise UserError(f"{what}not in the download cache, and HF_HUB_OFFLINE is set; unset it") from None
        except GatedRepoError:
            raise UserError(f"{what}gated: accept its terms on {repository.page}, then {TOKEN}") from None
        except RevisionNotFoundError:
            raise UserError(f"{what}there is no commit {repository.revision}; correct `revision`") from None
        except HfHubHTTPError as error:
            status = error.response.status_code
            trouble = f"{_endpoint()} answers HTTP {status}"
            if status not in BUSY:
                raise UserError(f"{what}{trouble}: {_refusal(status, repository)}") from None
        except (HFValidationError, httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
            if not isinstance(error, httpx2.TransportError) or isinstance(error, httpx2.UnsupportedProtocol):
                raise UserError(f"{what}{_endpoint()} cannot be read ({describe(error)}); check HF_ENDPOINT") from None
            trouble = f"{_endpoint()}: {describe(error)}"
    raise UserError(f"{what}the hub cannot be reached ({trouble}); {REMEDIES['unreachable']}")


def _refusal(status: int, repository: Repository) -> str:
    kind, other = ("model", "a data set") if repository.type == "model" else ("data set", "a model")
    if status == httpx2.codes.NOT_FOUND:
        what = f"there is no such {kind}, or no commit {repository.revision}"
        return f"{what}; correct `hub` and `revision`, or `kind` where it is {other}"
    if status == httpx2.codes.UNAUTHORIZED:  # so that nobody learns which private ones there are
        return f"there is no such {kind}, or it is private or gated; correct `hub`, or {TOKEN}"
    return REMEDIES["denied"] if status == httpx2.codes.FORBIDDEN else "check HF_ENDPOINT"


def _write(checksums: dict[str, str | None], listing: Path) -> None:
    with whole_file(listing) as unfinished:
        unfinished.write_text(json.dumps(checksums, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _check_path(name: str, repository: Repository) -> None:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or name.endswith(".part"):
        raise UserError(f"{repository.name}: {name!r} is no path inside the repository; take another one")


def _url(repository: Repository, name: str) -> str:
    return hf_hub_url(
        repository.name, name, repo_type=repository.type, revision=repository.revision, endpoint=_endpoint()
    )


def _endpoint() -> str:
    """The hub, or a mirror of it; asked for here, since huggingface_hub reads it but once, when it is imported."""
    return os.environ.get("HF_ENDPOINT", "").rstrip("/") or ENDPOINT
