"""`make audit`: what is installed has licences that were agreed to, and what pip-audit says comes out as lines."""

import json
import os
import subprocess
import sys

import pytest

from tests.import_closure import ROOT
from tests.test_requirements import pinned

PINS = pinned("constraints.txt")
VULNERABLE = {"id": "GHSA-0000", "aliases": ["CVE-2026-0001"], "fix_versions": ["3.1.7"]}


@pytest.fixture
def audit(tmp_path):
    """Exit code and lines, where pip-audit writes `said` and ends with 1, as it does of whatever isn't right."""

    def audit(said, stream="stdout", **packages):
        for name, metadata in packages.items():
            (tmp_path / f"{name}-1.0.dist-info").mkdir()
            (tmp_path / f"{name}-1.0.dist-info/METADATA").write_text(f"Name: {name}\nVersion: 1.0\n{metadata}\n")
        program = tmp_path / "pip-audit"
        program.write_text(f"#!{sys.executable}\nimport sys\nsys.{stream}.write({said!r})\nsys.exit(1)\n")
        program.chmod(0o700)
        done = subprocess.run(
            [sys.executable, ROOT / ".ci/audit.py", program],
            env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        return done.returncode, (done.stdout + done.stderr).splitlines()

    return audit


def report(skipped="", **vulnerable):
    """As pip-audit says it in JSON."""
    packages = [{"name": name, "version": "1", "vulns": vulnerable.get(name, [])} for name in PINS]
    if skipped:
        packages[0] = {"name": "accelerate", "skip_reason": skipped}
    return json.dumps({"dependencies": packages, "fixes": []})


def test_what_is_installed_here_has_licences_that_were_agreed_to(audit):
    code, (line,) = audit(report())
    assert (code, line.partition(":")[2]) == (0, " no vulnerability is known, and all licences are agreed to"), line


def test_a_vulnerability_is_a_line(audit):
    unfixed = VULNERABLE | {"id": "GHSA-1111", "fix_versions": []}
    code, lines = audit(report(jinja2=[VULNERABLE, unfixed]))
    assert code == 1
    assert lines == [
        "error: jinja2 1: GHSA-0000, fixed in 3.1.7",
        "error: jinja2 1: GHSA-1111, not fixed yet",
    ]


@pytest.mark.parametrize(
    ("said", "stream", "reason"),
    [
        (report("Dependency not found"), "stdout", "1 of {} packages are not known there; Dependency not found"),
        ("Traceback\n  …\nConnectionError: Name or service not known", "stderr", "ConnectionError: Name or service"),
        ("", "stdout", "it says nothing"),
    ],
)
def test_to_know_nothing_is_not_to_know_that_there_is_none(audit, said, stream, reason):
    code, (line,) = audit(said, stream)
    assert code == 2
    assert line.startswith(f"error: vulnerabilities: nothing is known: {reason.format(len(PINS))}")


@pytest.mark.parametrize(
    ("metadata", "licence"),
    [
        ("License-Expression: GPL-3.0-only", "GPL-3.0-only"),
        ("License-Expression: MIT AND GPL-3.0-only", "MIT AND GPL-3.0-only"),
        ("License-Expression: (MIT OR Apache-2.0) AND LGPL-3.0-only", "(MIT OR Apache-2.0) AND LGPL-3.0-only"),
        (
            "Classifier: License :: OSI Approved :: GNU General Public License v3 (GPLv3)",
            "GNU General Public License v",
        ),
        ("License: Proprietary", "Proprietary"),
        ("", "nothing"),
    ],
)
def test_a_licence_that_nobody_agreed_to_is_a_line(audit, metadata, licence):
    code, (line,) = audit(report(), made_up=metadata)
    assert code == 1
    assert line.startswith(f"error: made_up 1.0: its licence is {licence}")


@pytest.mark.parametrize("licence", ["MIT", "GPL-2.0-only OR MIT", "MPL-2.0 AND (GPL-2.0-only OR Apache-2.0)"])
def test_a_licence_that_asks_for_nothing_is_none(audit, licence):
    assert audit(report(), made_up=f"License-Expression: {licence}")[0] == 0
