"""Stages as processes: from params.yaml and what is there to files, or one line that says what the user is to do."""

import subprocess
import sys

import pytest

from tests.import_closure import ROOT
from tests.params.conftest import SOUND

ROWS = [f"{number}\t{number - 50}\treview {number}" for number in range(101)]


@pytest.fixture
def run(tmp_path):
    def run(stage, *key, params=SOUND, rows=()):
        (tmp_path / "params.yaml").write_text(params)
        if rows:
            source = tmp_path / "data/sources/reviews"
            source.mkdir(parents=True)
            (source / "reviews.txt").write_text("\n".join(rows))
        return subprocess.run(
            [sys.executable, "-m", f"stages.{stage}", *key],
            cwd=tmp_path, env={"PYTHONPATH": str(ROOT), "PATH": "", "OMP_NUM_THREADS": "1"},
            capture_output=True, text=True,
        )  # fmt: skip

    return run


def test_rows_become_a_task(run, tmp_path):
    result = run("prepare_task", "movies", rows=ROWS)
    assert (result.returncode, result.stderr) == (0, "")
    assert "left out: 1 by label.drop" in result.stdout
    files = {"labels.json", "task.json", "test.parquet", "train.parquet", "validation.parquet"}
    assert {file.name for file in (tmp_path / "data/original/movies").iterdir()} == files


@pytest.mark.parametrize(
    ("stage", "rows", "line"),
    [
        (
            "prepare_task movies",
            [*ROWS, "102\tnan\tfine"],
            "prepare-task@movies: data/sources/reviews/reviews.txt: line 102: column 'rating': expected a number, "
            "found 'nan'; mend it, or add it to label.drop to leave such rows out",
        ),
        (
            "prepare_task movie",
            ROWS,
            "prepare-task@movie: params.yaml: tasks.movie: there is no such entry "
            "(did you mean 'movies'? known: movies)",
        ),
        (
            "import_file reviews",
            (),
            "import-file@reviews: reviews.csv: missing; there is no such file or folder; correct files.reviews.path",
        ),
        (
            "intermediate_distill small",
            (),
            "intermediate-distill@small: models/general/tinybert4: missing; an earlier stage writes it: "
            "run `dvc repro intermediate-distill@small`",
        ),
        (
            "report",
            (),
            "report: evaluation/default: missing; the stages of a student write it: run `dvc repro`, with an entry in "
            "students",
        ),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(run, tmp_path, stage, rows, line):
    result = run(*stage.split(), rows=rows)
    assert (result.returncode, result.stderr) == (1, f"error: {line}\n")
    assert not list(tmp_path.glob("data/original/*"))


def test_an_entry_that_another_names_is_looked_for(run):
    result = run("intermediate_distill", "small", params=SOUND.replace("general: tinybert4", "general: tinybert"))
    assert result.stderr == (
        "error: intermediate-distill@small: params.yaml: general.tinybert: there is no such entry "
        "(did you mean 'tinybert4'? known: tinybert4)\n"
    )
