"""What the Dockerfile copies is enough to serve: the modules that are there, without torch and what needs it."""

import re
import shutil
import subprocess
import sys
from importlib.metadata import packages_distributions

import pytest
from packaging.utils import canonicalize_name

from tests.exported import export_tiny
from tests.import_closure import ROOT
from tests.test_requirements import installed_with, pinned
from tests.tiny import weather_rows

SERVE = """
import sys
from pathlib import Path

sys.modules.update(dict.fromkeys(sys.argv[2].split()))  # an import of one of these fails
import tinybert.__main__
from tinybert.serve.open import open_model
from tinybert.serve.server import serve_models

print(open_model(Path(sys.argv[1])).answer([("sunny",)])[0].label)
"""


def by_name(owners):
    return {canonicalize_name(each) for each in owners}


def copied():
    """(source, folder) of all that the Dockerfile copies, but for the model."""
    lines = re.findall(r"^COPY (?!--)(.+)$", (ROOT / "Dockerfile").read_text(), re.M)
    return [(source, line.split()[-1]) for line in lines for source in line.split()[:-1]]


def test_what_is_copied_serves_without_torch(tmp_path):
    model = export_tiny(tmp_path, "exported", weather_rows(60))
    for source, folder in copied():
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, tmp_path / "app" / folder, dirs_exist_ok=True)
        else:
            (tmp_path / "app" / folder).mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / source, tmp_path / "app" / folder)
    there = installed_with(pinned("requirements-serve.txt"))
    left_out = [module for module, owners in packages_distributions().items() if not by_name(owners) & there.keys()]
    command = [sys.executable, "-c", SERVE, model, " ".join(name for name in left_out if name.isidentifier())]
    done = subprocess.run(command, cwd=tmp_path / "app", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() in ("bad", "good")


@pytest.mark.parametrize("source", sorted({source.split("/")[0] for source, _ in copied()}))
def test_what_is_copied_is_sent_to_docker(source):
    assert f"!{source}" in (ROOT / ".dockerignore").read_text().replace("/\n", "\n").split("\n")
