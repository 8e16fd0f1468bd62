"""Has anything that is installed a known vulnerability, or a licence that nobody here has agreed to?

    .venv/bin/python .ci/audit.py .venv/audit/bin/pip-audit

`make audit` runs it so; what follows are pip-audit's options, such as `--vulnerability-service osv`. Prints a line for
each finding and exits with 1, or with 2 where the service couldn't be asked: then nothing is known of vulnerabilities.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path

PINS = Path(__file__).parents[1] / "constraints.txt"
OPTIONS = "--no-deps", "--disable-pip", "--progress-spinner", "off", "--format", "json"
"""What is pinned is asked for as it stands there, without a build's `+cpu`, which no service knows."""

ACCEPTED: dict[str, str] = {}
"""Vulnerabilities that don't concern this project, by their identifier, and why they don't."""

PERMISSIVE = {
    *("0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0"),
    *("CNRI-Python", "ISC", "MIT", "MIT-0", "MIT-CMU", "PSF-2.0", "Unlicense", "ZPL-2.1", "Zlib"),
    *("3-Clause BSD License", "Apache 2.0 License", "Apache License 2.0", "Apache Software License", "BSD"),
    *("BSD License", "ISC License (ISCL)", "MIT License", "Python Software Foundation License", "Zope Public License"),
    *("MPL-2.0", "Mozilla Public License 2.0 (MPL 2.0)"),  # asks for changes of its own files alone; none is made here
}
"""As packages call them: in SPDX, by PyPI's classifiers, and in words of their own."""

AGREED = {
    "asyncssh": ("EPL-2.0 OR GPL-2.0-or-later", "comes with dvc, for remotes over SSH; taken under the EPL"),
    "gensim": ("LGPL-2.1-only", "imported as it is, to read word vectors"),
    "grandalf": ("GNU General Public License v2 (GPLv2)", "or EPL-1.0; comes with dvc, which draws `dvc dag` with it"),
    "pygit2": ("GPLv2 with linking exception", "comes with dvc; what links it may have any licence"),
    "skeletoken": ("nothing", "MIT, says its LICENSE"),
}
"""By package what its metadata says, and why it may be there all the same. Nothing of them is in what is exported."""


def vulnerabilities(command: list[str]) -> Iterator[str]:
    """A line for each that pip-audit knows of.

    Raises:
        RuntimeError: it couldn't find out, of one package or of all.
    """
    done = subprocess.run([*command, "--requirement", PINS, *OPTIONS], capture_output=True, text=True, check=False)
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except ValueError:
        raise RuntimeError((done.stderr.strip().splitlines() or ["it says nothing"])[-1]) from None
    if skipped := [package["skip_reason"] for package in packages if "skip_reason" in package]:
        raise RuntimeError(f"{len(skipped)} of {len(packages)} packages are not known there; {skipped[0]}")
    for package in packages:
        for found in package["vulns"]:
            if not {found["id"], *found["aliases"]} & ACCEPTED.keys():
                fixed = f"fixed in {', '.join(found['fix_versions'])}" if found["fix_versions"] else "not fixed yet"
                yield f"{package['name']} {package['version']}: {found['id']}, {fixed}"


def licences() -> Iterator[str]:
    """A line for each package whose licence is not permissive, or not said, and not agreed to."""
    for package in distributions():
        said = licence_of(package)
        if not is_permissive(said) and AGREED.get(package.name, ("", ""))[0] != said:
            yield f"{package.name} {package.version}: its licence is {said}; replace it, or say in AGREED why it may be"


def licence_of(package: Distribution) -> str:
    """In SPDX where its metadata has it so, else by its classifiers, else by the first line that it says."""
    metadata = package.metadata
    classified = [each.split(" :: ")[-1] for each in metadata.get_all("Classifier") or () if "License ::" in each]
    named = " AND ".join(each for each in classified if each != "OSI Approved")
    return metadata.get("License-Expression") or named or (metadata.get("License") or "nothing").splitlines()[0]


def is_permissive(said: str) -> bool:
    """Of `A AND (B OR C)` A, and one of B and C. Of `A OR B AND C`, more strictly than SPDX, C and one of A and B."""
    if said in PERMISSIVE:  # some have brackets in their names
        return True
    parts = [re.split(r"\s+OR\s+", part.strip("() ")) for part in re.split(r"\s+AND\s+", said)]
    return all(any(each.strip("() ") in PERMISSIVE for each in part) for part in parts)


def main(command: list[str]) -> int:
    found = list(licences())
    try:
        found += vulnerabilities(command)
        unknown = ""
    except (OSError, RuntimeError) as error:
        unknown = f"vulnerabilities: nothing is known: {error}; run it where the service can be asked"
    for line in [*found, *([unknown] if unknown else [])]:
        print(f"error: {line}", file=sys.stderr)
    if not found and not unknown:
        print(f"{len(list(distributions()))} packages: no vulnerability is known, and all licences are agreed to")
    return 1 if found else 2 if unknown else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
