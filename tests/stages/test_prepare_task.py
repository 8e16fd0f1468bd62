"""prepare-task as a process: from params.yaml and a source to files, or one line."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.params.conftest import SOUND

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def run(tmp_path):
    (tmp_path / "params.yaml").write_text(SOUND)
    source = tmp_path / "data/sources/reviews"
    source.mkdir(parents=True)

    def run(rows, task="movies"):
        (source / "reviews.txt").write_bytes("\n".join(rows).encode())
        return subprocess.run(
            [sys.executable, "-m", "stages.prepare_task", task],
            cwd=tmp_path,
            env={"PYTHONPATH": str(ROOT), "PATH": "", "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
        )

    return run


def test_rows_become_a_task(run, tmp_path):
    result = run([f"{number}\t{number - 50}\treview {number}" for number in range(101)])
    assert (result.returncode, result.stderr) == (0, "")
    assert "left out: 1 by label.drop" in result.stdout
    assert sorted(file.name for file in (tmp_path / "data/original/movies").iterdir()) == [
        "labels.json",
        "task.json",
        "test.parquet",
        "train.parquet",
        "validation.parquet",
    ]


def test_a_mistake_is_one_line_and_leaves_nothing(run, tmp_path):
    rows = [f"{number}\t{number - 50}\treview {number}" for number in range(101)]
    result = run([*rows, "102\tnan\tfine"])
    assert result.returncode == 1
    assert result.stderr == (
        "error: prepare-task@movies: data/sources/reviews/reviews.txt: line 102: column 'rating': expected a number, "
        "found 'nan'; mend it, or add it to label.drop to leave such rows out\n"
    )
    result = run(rows, task="movie")
    assert result.returncode == 1
    assert result.stderr == (
        "error: prepare-task@movie: params.yaml: tasks.movie: there is no such entry "
        "(did you mean 'movies'? known: movies)\n"
    )
    assert not list((tmp_path / "data/original").iterdir())
