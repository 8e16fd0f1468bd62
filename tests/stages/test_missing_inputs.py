"""An input that isn't there: what the user is to do, which is not always to run an earlier stage."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.params.conftest import SOUND

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("stage", "old", "new", "line"),
    [
        (
            ["import_file", "reviews"],
            "",
            "",
            "import-file@reviews: reviews.csv: missing; there is no such file or folder; correct files.reviews.path",
        ),
        (
            ["intermediate_distill", "small"],
            "general: tinybert4",
            "general: tinybert",
            "intermediate-distill@small: params.yaml: general.tinybert: there is no such entry (did you mean "
            "'tinybert4'? known: tinybert4)",
        ),
        (
            ["intermediate_distill", "small"],
            "",
            "",
            "intermediate-distill@small: models/general/tinybert4: missing; an earlier stage writes it: "
            "run `dvc repro intermediate-distill@small`",
        ),
        (
            ["report"],
            "",
            "",
            "report: evaluation/default: missing; the stages of a student write it: run `dvc repro`, with an entry in "
            "students",
        ),
    ],
)
def test_what_is_missing_and_why(tmp_path, stage, old, new, line):
    (tmp_path / "params.yaml").write_text(SOUND.replace(old, new))
    process = subprocess.run(
        [sys.executable, "-m", f"stages.{stage[0]}", *stage[1:]],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
    )
    assert (process.returncode, process.stderr) == (1, f"error: {line}\n")
