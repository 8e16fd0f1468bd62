"""What recipes are worth: tasks × recipes × seeds, each recipe some overrides of a preset, in a clone of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, NamedTuple

import numpy as np
import pandas as pd
import torch
import typer
from dvc.utils.hydra import apply_overrides
from scipy.special import log_softmax

from tinybert.errors import UserError
from tinybert.evaluate.schema import Result
from tinybert.models.cached_logits import cached_logits
from tinybert.params.experiment import Experiment, load_experiment
from tinybert.params.table import read_yaml
from tinybert.running.times import read_costs

PARAMS, LOCK, RUNS = "params.yaml", "dvc.lock", ".runs"
KEYS, SECONDS = ["of", "recipe"], "seconds"
DIVERGENCE = "millinats"
"""Of the student's classes from the teacher's, on validation rows: it tells recipes apart where scores are too few."""


class Trial(NamedTuple):
    """One run: a recipe with a seed."""

    recipe: str
    overrides: list[str]
    seed: int


def main(
    preset: Annotated[Path, typer.Option(help="what the recipes override")] = Path(PARAMS),
    recipes: Annotated[Path, typer.Option(help="lists of overrides by name")] = Path("benchmarks/recipes.yaml"),
    only: Annotated[list[str] | None, typer.Option(help="a recipe's name; may be given again")] = None,
    seeds: Annotated[str, typer.Option(help="of each recipe, with commas between")] = "42,1,2",
    students_only: Annotated[
        bool, typer.Option(help="seeds of the phases alone: one teacher, the same copies")
    ] = False,
    test: Annotated[bool, typer.Option(help="score test rows too: once, when the recipe is chosen")] = False,
    folder: Annotated[Path, typer.Option(help="of the clone, and of what was found")] = Path(".quality"),
    dry: Annotated[bool, typer.Option(help="say what it would cost, and end")] = False,
) -> None:
    """Scores of teachers and students over seeds, by recipe, and the seconds of what a recipe runs.

    Recipes are compared on validation rows: by score, and by how far the student's classes are from the teacher's,
    which tells more. Each is run by DVC in a clone of the last commit that shares this project's cache, so that what
    two recipes have in common is run once, and what was interrupted goes on.
    """
    try:
        trials = _trials(recipes, only or [], seeds)
        with TemporaryDirectory() as scratch:  # a mistake in the last one is not found out after hours
            for trial in trials:
                write_params(trial, preset, Path(scratch) / PARAMS, students_only)
        print(_cost(len(trials)), flush=True)
        if dry:
            return
        _clone(folder)
        known: dict[str, float] = {}
        if Path(LOCK).exists():
            _note_seconds(Path(), known)
        found = [row for trial in trials for row in _run(trial, preset, folder, students_only, test, known)]
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
    print(_table(pd.DataFrame(found)))


def _trials(recipes: Path, only: list[str], seeds: str) -> list[Trial]:
    known = read_yaml(recipes)
    if unknown := [name for name in only if name not in known]:
        raise UserError(f"--only: expected one of {', '.join(known)} (of {recipes}), found {unknown[0]!r}")
    try:
        numbers = [int(seed) for seed in seeds.split(",")]
    except ValueError:
        raise UserError(f"--seeds: expected numbers with commas between, found {seeds!r}") from None
    return [Trial(name, known[name], seed) for name in only or known for seed in numbers]


def _cost(trials: int) -> str:
    seconds = sum(cost.seconds for cost in read_costs(Path(RUNS)).values())
    most = (
        f"at most {trials} × {seconds / 60:.0f} minutes, as the stages here took last"
        if seconds
        else "no stage ran here"
    )
    return f"{trials} runs: {most}; what two of them have in common is run once"


def _clone(folder: Path) -> None:
    """The last commit in `folder`, with this project's cache."""
    git = ["git", "-C", str(folder)]
    if not folder.exists():
        subprocess.run(["git", "clone", "--quiet", ".", str(folder)], check=True)
    subprocess.run([*git, "fetch", "--quiet", "origin", "HEAD"], check=True)
    subprocess.run([*git, "checkout", "--quiet", "--force", "--detach", "FETCH_HEAD"], check=True)
    cache = str(Path(".dvc/cache").resolve())
    subprocess.run([sys.executable, "-m", "dvc", "cache", "dir", "--local", cache], cwd=folder, check=True)


def _run(
    trial: Trial, preset: Path, folder: Path, students_only: bool, test: bool, known: dict[str, float]
) -> Iterator[dict[str, Any]]:
    """Run a trial, and give a row for each of its students."""
    shutil.rmtree(folder / RUNS, ignore_errors=True)  # so that only stages that run now have a time,
    (folder / LOCK).unlink(missing_ok=True)  # and only those that this trial needs are counted
    experiment = write_params(trial, preset, folder / PARAMS, students_only)
    last = "evaluate" if test else "prediction-distill"
    targets = [f"{last}@{student}" for student in experiment.students]
    print(f"{trial.recipe}, seed {trial.seed}", flush=True)
    done = subprocess.run([sys.executable, "-m", "dvc", "repro", *targets], cwd=folder)
    if done.returncode:
        raise UserError(
            f"{trial.recipe}, seed {trial.seed}: a stage failed, see above; in {folder}, `dvc repro` shows it again"
        )
    seconds = _note_seconds(folder, known)
    for name, student in experiment.students.items():
        row: dict[str, Any] = {"of": name, "recipe": trial.recipe, "seed": trial.seed, SECONDS: seconds}
        row["teacher"] = _best(folder / "curves/teachers" / student.task)
        row["student"] = _best(folder / "curves/prediction" / name)
        row["kept"] = row["student"] / row["teacher"]
        task = experiment.tasks[student.task]
        if task.type == "classification":
            rows = pd.read_parquet(folder / "data/original" / student.task / "validation.parquet")
            models = (folder / "models/teachers" / student.task, folder / "models/students" / name)
            logits = [cached_logits(model, rows, task.max_length, torch.float32) for model in models]
            row[DIVERGENCE] = 1000 * divergence(*logits)
        if test:
            file = folder / "evaluation" / experiment.name / f"{name}.json"
            result = Result.model_validate_json(file.read_text(encoding="utf-8"))
            row |= {"teacher, test": result.teacher.score, "student, test": result.student.score}
            row["kept, test"] = result.retention
        yield row


def write_params(trial: Trial, preset: Path, file: Path, students_only: bool) -> Experiment:
    """Write a preset's params, a recipe's overrides and a seed in it, to `file`.

    Raises:
        UserError: an override doesn't fit, or what came out has a mistake.
    """
    shutil.copy(preset, file)
    content = load_experiment(file)
    overrides = [
        override.format(task=task, student=student)
        for override in trial.overrides
        for task in (content.tasks if "{task}" in override else [""])
        for student in (content.students if "{student}" in override else [""])
    ]
    files = [f"files.{key}.path='{Path(file.path).resolve()}'" for key, file in content.files.items()]
    phases = [f"students.{student}.{phase}" for student in content.students for phase in ("intermediate", "prediction")]
    seeds = [f"++{phase}.seed={trial.seed}" for phase in phases] if students_only else [f"seed={trial.seed}"]
    try:
        apply_overrides(file, [*dict.fromkeys(overrides), *files, *seeds])
    except Exception as error:  # DVC's own, which has the override in it
        raise UserError(f"{trial.recipe}: {error}") from None
    return load_experiment(file)


def _best(curves: Path) -> float:
    """The validation score of the epoch that is kept."""
    return float(pd.read_csv(curves / "validation.csv")["score"].max())


def divergence(teacher: np.ndarray, student: np.ndarray) -> float:
    """The Kullback-Leibler divergence of the student's classes from the teacher's, nats, a mean over rows.

    Args:
        teacher, student: logits, (rows, classes).
    """
    of_teacher, of_student = log_softmax(teacher, axis=1), log_softmax(student, axis=1)
    return float((np.exp(of_teacher) * (of_teacher - of_student)).sum(axis=1).mean())


def _note_seconds(folder: Path, known: dict[str, float]) -> float:
    """What the stages of dvc.lock took, those that were taken from the cache among them; kept by what they ran on."""
    costs, total = read_costs(folder / RUNS), 0.0
    for name, entry in read_yaml(folder / LOCK)["stages"].items():
        made_of = json.dumps([name, entry.get("deps"), entry.get("params")], sort_keys=True)
        if name in costs:
            known.setdefault(made_of, costs[name].seconds)
        total += known.get(made_of, 0.0)
    return total


def _table(found: pd.DataFrame) -> str:
    """Means over seeds and their standard deviations, scores in points of a hundred, as Markdown."""
    columns = [name for name in found.columns if name not in (*KEYS, "seed")]
    lines = [" | ".join(["", *KEYS, "seeds", *columns, ""]).strip(), "|" + "---|" * (len(KEYS) + 1 + len(columns))]
    for key, rows in found.groupby(KEYS, sort=False):
        cells = []
        for column in columns:
            scale = 1 if column == DIVERGENCE else 100
            mean, deviation = rows[column].mean(), rows[column].std()
            spread = "" if len(rows) == 1 else f" ± {scale * deviation:.1f}"
            cell = f"{mean:,.0f}" if column == SECONDS else f"{scale * mean:.1f}{spread}"
            cells.append("–" if np.isnan(mean) else cell)  # of a task without classes, beside one that has some
        lines.append(f"| {' | '.join([*map(str, key), str(len(rows)), *cells])} |")
    return "\n".join(lines)
