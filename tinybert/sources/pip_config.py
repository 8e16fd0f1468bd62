"""Where the user's pip looks for packages: index, extra indexes, folders, certificates, proxy."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import NamedTuple

from tinybert.errors import UserError

PYPI = "https://pypi.org/simple/"
SECTIONS = ("global", "install", "download", ":env:")
"""Of pip's configuration, later ones outdo earlier ones; what serves `pip install` serves us."""


class PipSettings(NamedTuple):
    """What pip's configuration says about the places to look in, and about the way there."""

    index_urls: tuple[str, ...] = (PYPI,)
    """Simple indexes (PEP 503 or 691), in the order in which they are asked."""
    find_links: tuple[str, ...] = ()
    """Folders, files or pages that hold links to archives; asked before the indexes."""
    trusted_hosts: tuple[str, ...] = ()
    cert: str | None = None
    proxy: str | None = None
    """Without it, the usual environment variables count."""
    timeout: float = 15.0
    """Seconds to wait for a connection, and for the next bytes."""


def read_pip_settings() -> PipSettings:
    """The settings that `python -m pip` of this environment has, from its files and from `PIP_*` variables.

    Raises:
        UserError: pip finds its configuration malformed.
    """
    command = [sys.executable, "-m", "pip", "config", "list", "--disable-pip-version-check"]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    if process.returncode and "No module named pip" not in process.stderr:  # another tool's environment may lack it
        reason = (process.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise UserError(f"pip's configuration: {reason}; mend it, `python -m pip config debug` names its files")
    lines = (line.partition("=") for line in process.stdout.splitlines() if "=" in line)
    configuration = {key: ast.literal_eval(value) for key, _, value in lines}
    variables = {key[4:].lower().replace("_", "-"): os.environ[key] for key in os.environ if key.startswith("PIP_")}
    return parse_pip_settings(configuration | {f":env:.{name}": value for name, value in variables.items()})


def parse_pip_settings(configuration: Mapping[str, str]) -> PipSettings:
    """Settings from the lines of `pip config list`, such as `{"global.index-url": "https://…"}`."""
    merged: dict[str, str] = {}
    for section in SECTIONS:
        for key, value in configuration.items():
            if key.startswith(f"{section}.") and value.strip():
                merged[key.removeprefix(f"{section}.")] = value.strip()
    lists = {key: tuple(merged.get(key, "").split()) for key in ("extra-index-url", "find-links", "trusted-host")}
    no_index = merged.get("no-index", "0").lower() in ("y", "yes", "t", "true", "on", "1")
    return PipSettings(
        () if no_index else (merged.get("index-url", PYPI), *lists["extra-index-url"]),
        lists["find-links"],
        lists["trusted-host"],
        merged.get("cert"),
        merged.get("proxy"),
        float(merged.get("timeout", 15)),
    )
