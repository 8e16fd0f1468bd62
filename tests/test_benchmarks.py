"""`python -m benchmarks`: a list of what there is, and a way to each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import benchmarks
from benchmarks import quality
from benchmarks.__main__ import app
from benchmarks.paper import Step, training
from benchmarks.quality import Trial
from benchmarks.step import LAYERS, needed
from tests.smoke import ROOT
from tinybert.errors import UserError
from tinybert.params.architectures import Architecture
from tinybert.params.table import read_yaml

SMOKE = ROOT / "presets" / "smoke.yaml"

NAMES = [file.stem for file in Path(benchmarks.__file__).parent.glob("[!_]*.py")]


def test_each_has_a_line_and_its_own_help():
    listed = CliRunner().invoke(app, []).output
    assert [name for name in NAMES if f" {name} " not in listed] == []
    for name in NAMES:
        assert "--" in CliRunner().invoke(app, [name, "--help"], prog_name="benchmarks").output
    assert CliRunner().invoke(app, ["attention", "--layers", "0"]).exit_code == 2


def test_a_recipe_is_a_preset_with_its_overrides_for_each_task_and_student(tmp_path):
    overrides = ["tasks.{task}.teacher.epochs=7", "++students.{student}.prediction.epochs=9"]
    of_all = quality.write_params(Trial("more", overrides, 5), SMOKE, tmp_path / "params.yaml", False)
    assert {task.teacher.epochs for task in of_all.tasks.values()} == {7}
    assert {student.prediction.epochs for student in of_all.students.values()} == {9}
    assert of_all.seed == 5
    assert all(Path(file.path).is_absolute() for file in of_all.files.values())

    of_students = quality.write_params(Trial("as it is", [], 5), SMOKE, tmp_path / "params.yaml", True)
    assert of_students.seed != 5
    assert {student.intermediate.seed for student in of_students.students.values()} == {5}


@pytest.mark.parametrize("name", read_yaml(ROOT / "benchmarks" / "recipes.yaml"))
def test_each_recipe_fits_the_default(tmp_path, name):
    (trial,) = quality._trials(ROOT / "benchmarks" / "recipes.yaml", [name], "7")
    assert quality.write_params(trial, ROOT / "params.yaml", tmp_path / "params.yaml", False).seed == 7


@pytest.mark.parametrize(
    ("override", "line"),
    [("tasks.{task}.teechers.epochs=7", "more: "), ("tasks.{task}.teacher.epochs=many", "teacher.epochs: expected ")],
)
def test_an_override_that_does_not_fit_is_a_line(tmp_path, override, line):
    with pytest.raises(UserError, match=line):
        quality.write_params(Trial("more", [override], 5), SMOKE, tmp_path / "params.yaml", False)


def test_recipes_are_told_apart_by_means_over_seeds():
    found = pd.DataFrame(
        [
            {"of": "movies", "recipe": recipe, "seed": seed, "seconds": 60.0, "student": score}
            for recipe, scores in {"one": (0.80, 0.84), "other": (0.70, 0.70)}.items()
            for seed, score in enumerate(scores)
        ]
    )
    rows = quality._table(found).splitlines()
    assert rows[0] == "| of | recipe | seeds | seconds | student |"
    assert rows[2:] == ["| movies | one | 2 | 60 | 82.0 ± 2.8 |", "| movies | other | 2 | 60 | 70.0 ± 0.0 |"]


def test_a_task_without_classes_has_no_divergence():
    found = pd.DataFrame(
        [
            {"of": "reviews", "recipe": "one", "seed": 1, "seconds": 1.0, "student": 0.8, quality.DIVERGENCE: 20.0},
            {"of": "stars", "recipe": "one", "seed": 1, "seconds": 1.0, "student": 0.7},
        ]
    )
    assert [row.split(" | ")[-1] for row in quality._table(found).splitlines()[2:]] == ["20.0 |", "– |"]


def test_the_divergence_of_a_student_from_its_teacher():
    """By hand: (0.8, 0.2) against (0.5, 0.5) is 0.8 ln 1.6 + 0.2 ln 0.4, and the other row is the teacher's own."""
    teacher, student = np.log([[0.8, 0.2], [0.3, 0.7]]), np.log([[0.5, 0.5], [0.3, 0.7]])
    by_hand = (0.8 * np.log(1.6) + 0.2 * np.log(0.4)) / 2
    assert quality.divergence(teacher + 3, student - 1) == pytest.approx(by_hand)


def test_a_step_needs_a_pass_of_the_teacher_and_three_of_the_student():
    """By hand, of 2 examples of 8 tokens: layers, poolers, and two projections."""

    def passes(layers: int, width: int) -> int:
        return 16 * layers * (24 * width**2 + 4 * 8 * width) + 2 * 2 * width**2

    student = Architecture(layers=1, hidden=12, heads=12, intermediate=48)
    teacher = Architecture(layers=2, hidden=24, heads=12, intermediate=96)
    run = training(Step(student, "uniform", LAYERS, 2, 8, teacher=teacher), 100, "fp32")
    assert needed(run) == passes(2, 24) + 3 * (passes(1, 12) + 2 * 2 * 16 * 12 * 24)
