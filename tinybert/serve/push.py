"""An exported model on a hub: its files, and its card with scores, in one commit."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import httpx2
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, errors
from huggingface_hub.utils import HFValidationError, logging, validate_repo_id

from tinybert.errors import UserError
from tinybert.models.card import FILE as CARD
from tinybert.running.digests import digest
from tinybert.runtime.session import FACTS, FP32
from tinybert.sources.hub import ENDPOINT
from tinybert.sources.transfer import describe

SUFFIXES = {".json", ".md", ".model", ".onnx", ".safetensors", ".txt"}
"""Of what an exported folder holds; nothing of it runs code when it is read."""
WEIGHTS = (".onnx", ".safetensors")
"""Of an earlier push, these go where the model has them no longer."""
STUDENTS = ("models", "exported", "students")
TOKEN = "log in by `hf auth login`, or set HF_TOKEN to a token that may write"
REFUSALS = {
    400: "the hub takes it for a bad request",
    401: f"the hub doesn't know you; {TOKEN}",
    403: f"you have no right to write there; take another owner, or {TOKEN}",
    404: "the hub has no such owner or repository, or shows it to nobody like you; correct owner/name",
    409: "something else is written there at the same time; run it again",
    413: "the hub finds it too large",
    429: "the hub has had enough requests for now; run it again later",
}


def push(model: Path, name: str, public: bool = False, message: str | None = None, dry_run: bool = False) -> list[str]:
    """Push an exported model; nothing is sent where all of it lies there already.

    Args:
        name: owner/name. The repository is made where there is none.
        public: a new repository is for everybody to see; and one that is so already may be pushed to.
        message: of the commit.
        dry_run: only say what would be pushed.

    Returns:
        lines that say what was done.

    Raises:
        UserError: this is no exported model or no name, the card is missing or of another model, or the hub refuses.
    """
    _require_name(name, model)
    facts = read_facts(model)
    files: dict[str, Path | bytes] = {**pushed_files(model, facts), CARD: read_card(model, facts, name).encode()}
    size = sum(len(each) if isinstance(each, bytes) else each.stat().st_size for each in files.values())
    lines = [f"{model.name} to {name}: {len(files)} files, {size / 1e6:,.1f} MB: {', '.join(sorted(files))}"]
    if dry_run:
        return [*lines, "nothing was sent"]
    # the endpoint is asked for here, since huggingface_hub reads it but once, when it is imported
    endpoint = os.environ.get("HF_ENDPOINT", "").rstrip("/") or ENDPOINT
    summary = message or f"{model.name}, ONNX {facts['files'][FP32.as_posix()][:12]}"
    try:
        return [*lines, *_commit(HfApi(endpoint=endpoint), name, files, public, summary)]
    except (OSError, httpx2.HTTPError, httpx2.InvalidURL, ValueError, RuntimeError) as error:
        if getattr(error, "errno", None) is not None:  # a file of ours, and no word of the hub's
            raise
        raise UserError(f"{name}: {_refusal(error, endpoint)}") from None


def read_facts(model: Path) -> dict[str, Any]:
    """What an exported folder says of itself.

    Raises:
        UserError: it is none.
    """
    try:
        facts = json.loads((model / FACTS).read_text(encoding="utf-8"))
        if FP32.as_posix() in facts["files"]:
            return dict(facts)
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise UserError(
        f"{model}: expected an exported model, with {FACTS}, as in models/exported/students/<student>; `dvc repro` "
        "writes it"
    )


def pushed_files(model: Path, facts: dict[str, Any]) -> dict[str, Path]:
    """What the folder says that it holds, by its place there, and what it says it with; whatever else lies there stays.

    Raises:
        UserError: a file is missing, or has other bytes than when it was exported.
    """
    there = {file.relative_to(model).as_posix(): file for file in model.rglob("*") if file.is_file()}
    found = {FACTS: model / FACTS}
    for name, sha256 in facts["files"].items():
        if Path(name).suffix in SUFFIXES:
            if name not in there or digest(there[name]) != sha256:
                what = "has other bytes than" if name in there else "is missing, and was there"
                raise UserError(f"{model / name}: it {what} when the model was exported; `dvc repro` writes it anew")
            found[name] = there[name]
    return found


def read_card(model: Path, facts: dict[str, Any], name: str) -> str:
    """A student's card from the report, with its scores, or the folder's own; as what the hub calls the model.

    Raises:
        UserError: the student has no card yet, or one of before it was exported anew.
    """
    place = model.absolute()
    student = place.parts[-4:-1] == STUDENTS
    file = place.parents[3] / f"reports/cards/{place.name}.md" if student else model / CARD
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(f"{file}: missing; `dvc repro` writes it") from None
    if student and facts["files"][FP32.as_posix()] not in text:
        raise UserError(f"{file}: it is of another model than {model}; run `dvc repro report`")
    return text.replace("/".join(place.parts[-4:]), name)


def _require_name(name: str, model: Path) -> None:
    try:
        validate_repo_id(name)
        fits = "/" in name
    except HFValidationError:
        fits = False
    if not fits:
        raise UserError(f"expected owner/name as the hub takes it, such as me/{model.name}, found {name!r}")


def _commit(api: HfApi, name: str, files: dict[str, Path | bytes], public: bool, message: str) -> list[str]:
    """Make the repository where there is none, and commit what differs.

    Raises:
        UserError: it is there for everybody to see, and nobody said that this may be.
    """
    api.create_repo(name, private=not public, exist_ok=True)
    before = api.model_info(name)
    if not before.private and not public:
        raise UserError(f"{name}: everybody can see this repository; say --public, or make it private on the hub first")
    there = {each.rfilename for each in before.siblings or ()}
    gone = sorted(each for each in there - files.keys() if each.endswith(WEIGHTS))
    logging.set_verbosity_error()  # it warns of a commit of nothing
    commit = api.create_commit(
        name,
        [CommitOperationAdd(place, content) for place, content in sorted(files.items())]
        + [CommitOperationDelete(place) for place in gone],
        commit_message=message,
    )
    seen = "private" if before.private else "public"
    if commit.oid == before.sha:
        return [f"{api.endpoint}/{name} ({seen}) has all of it already"]
    removed = f", removed {', '.join(gone)}" if gone else ""
    return [f"pushed to {api.endpoint}/{name} ({seen}), commit {commit.oid[:12]}{removed}"]


def _refusal(error: BaseException, endpoint: str) -> str:
    """What went wrong, and what to change."""
    while isinstance(error, RuntimeError) and error.__cause__ is not None:  # of one file of several
        error = error.__cause__
    if isinstance(error, errors.OfflineModeIsEnabled):
        return "HF_HUB_OFFLINE is set; unset it"
    if isinstance(error, PermissionError):  # of Xet
        return REFUSALS[403]
    if isinstance(error, errors.HfHubHTTPError):
        status, said = error.response.status_code, " ".join((error.server_message or "").split())[:200]
        known = REFUSALS.get(status, "the hub is at fault; run it again later")
        return f"{known} (HTTP {status} of {endpoint}{f': {said}' if said else ''})"
    return (
        f"the hub cannot be reached, or doesn't answer as one ({endpoint}: {describe(error)}); check the network, the "
        "proxy and HF_ENDPOINT, and set HF_HUB_DISABLE_XET=1 for a hub without Xet"
    )
