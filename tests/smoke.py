"""The project in a scratch folder, with presets/smoke.yaml and tiny inputs: `python -m tests.smoke FOLDER` runs it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from tests.tiny import BAD, GOOD, PLAIN, tiny_bert, weather_report

ROOT = Path(__file__).resolve().parent.parent
COPIED = ("dvc.yaml", ".dvcignore", ".gitignore", "presets", "stages", "tinybert")
ROWS, DOCUMENTS = 240, 60


def make_inputs(folder: Path) -> None:
    """Write the files that presets/smoke.yaml names: corpus, model, vectors, table. The same bytes every time."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    documents = [
        " ".join(weather_report(random, good=bool(random.integers(2))) for _ in range(12)) for _ in range(DOCUMENTS)
    ]
    (folder / "corpus.txt").write_text("\n\n".join(documents) + "\n", encoding="utf-8")
    words = [*GOOD, *BAD, *PLAIN, "drizzly", "blustery"]
    lines = (f"{word} {' '.join(f'{number:.4f}' for number in random.normal(size=8))}" for word in words)
    (folder / "vectors.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    rows = {
        weather_report(random, good): "good" if good else "bad"
        for good in random.integers(2, size=3 * ROWS).astype(bool)
    }
    table = "\n".join(f'"{text}",{label}' for text, label in list(rows.items())[:ROWS])
    (folder / "weather.csv").write_text(f"text,label\n{table}\n", encoding="utf-8")
    tiny_bert(folder / "bert")


def make_project(folder: Path) -> None:
    """A copy of the project in `folder`, a git and DVC repository of its own, with the smoke preset as params.yaml."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
        else:
            shutil.copy(source, folder / name)
    shutil.copy(ROOT / "presets" / "smoke.yaml", folder / "params.yaml")
    make_inputs(folder / "smoke")
    if not (folder / ".git").exists():
        run(folder, "git", "init", "--quiet")
        run(folder, "dvc", "init", "--quiet")
        run(folder, "dvc", "config", "core.analytics", "false")


def run(folder: Path, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a command in `folder` with this environment's programs first, and give back what it printed."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    variables = os.environ | {"PATH": path, "DVC_NO_ANALYTICS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True)
    if check and done.returncode:
        raise AssertionError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return done


def main(folder: Annotated[Path, typer.Argument(help="a scratch folder, made where it isn't there")]) -> None:
    """Run the whole graph on tiny models in a scratch folder."""
    make_project(folder)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for command in (["python", "-m", "tinybert", "check"], ["dvc", "repro"]):
        subprocess.run(command, cwd=folder, env=os.environ | {"PATH": path}, check=True)
    subprocess.run([sys.executable, "-m", "tinybert", "times"], cwd=folder, check=True)
    print(f"the report: {folder / 'reports' / 'index.html'}")


if __name__ == "__main__":
    typer.run(main)
