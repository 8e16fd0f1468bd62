"""Where the user's pip looks for packages: index, extra indexes, folders, certificates, proxy."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from tinybert.errors import UserError

PYPI = "https://pypi.org/simple/"

SECTIONS = ("global", "install", "download", ":env:")
"""Of pip's configuration, later ones outdo earlier ones; what serves `pip install` serves us."""


TRUE = ("y", "yes", "t", "true", "on", "1")
"""How pip lets a switch be on."""


@dataclass(frozen=True)
class PipSettings:
    """What pip's configuration says about the places to look in, and about the way there.

    Args:
        index_urls: simple indexes (PEP 503 or 691), in the order in which they are asked.
        find_links: folders, files or pages that hold links to archives; asked before the indexes.
        trusted_hosts: hosts whose certificate is not checked, and that may be asked over plain http.
        cert: a file of certificate authorities, in place of the default ones.
        proxy: the proxy's URL; without it, the usual environment variables count.
        timeout: seconds to wait for a connection, and for the next bytes.
    """

    index_urls: tuple[str, ...] = (PYPI,)
    find_links: tuple[str, ...] = ()
    trusted_hosts: tuple[str, ...] = ()
    cert: str | None = None
    proxy: str | None = None
    timeout: float = 15.0


def read_pip_settings() -> PipSettings:
    """The settings that `python -m pip` of this environment has, from its files and from `PIP_*` variables.

    Raises:
        UserError: pip finds its configuration malformed.
    """
    return parse_pip_settings(_list_configuration())


def parse_pip_settings(configuration: Mapping[str, str]) -> PipSettings:
    """Settings from the lines of `pip config list`, such as `{"global.index-url": "https://…"}`."""
    merged: dict[str, str] = {}
    for section in SECTIONS:
        for key, value in configuration.items():
            name = key.removeprefix(f"{section}.")
            if name != key and value.strip():
                merged[name] = value.strip()
    index_urls = [merged.get("index-url", PYPI), *merged.get("extra-index-url", "").split()]
    if merged.get("no-index", "0").lower() in TRUE:
        index_urls = []
    try:
        timeout = float(merged.get("timeout", merged.get("default-timeout", PipSettings.timeout)))
    except ValueError:
        timeout = PipSettings.timeout
    return PipSettings(
        index_urls=tuple(dict.fromkeys(index_urls)),
        find_links=tuple(dict.fromkeys(merged.get("find-links", "").split())),
        trusted_hosts=tuple(dict.fromkeys(merged.get("trusted-host", "").split())),
        cert=merged.get("cert"),
        proxy=merged.get("proxy"),
        timeout=timeout,
    )


def _list_configuration() -> dict[str, str]:
    variables = ((key[4:].lower().replace("_", "-"), value) for key, value in os.environ.items() if key[:4] == "PIP_")
    environment = {f":env:.{name}": value for name, value in variables}
    process = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list", "--disable-pip-version-check"],
        capture_output=True,
        text=True,
        check=False,
    )
    if process.returncode and "No module named pip" in process.stderr:
        return environment  # an environment that another tool made: there is no more configuration than this
    if process.returncode:
        reason = (process.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise UserError(f"pip's configuration: {reason}; mend it, `python -m pip config debug` names its files")
    lines = (line.partition("=") for line in process.stdout.splitlines() if "=" in line)
    return {key: ast.literal_eval(value) for key, _, value in lines} | environment
