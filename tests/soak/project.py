"""A project whose tiny stages last for some seconds, a run of it that was left alone, and what tells the two apart."""

from __future__ import annotations

import glob
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from ruamel.yaml import YAML

from tests.smoke import make_project
from tests.tiny import weather_report

KEEPING = (
    "import-file@corpus",
    "general-distill@small",
    "finetune-teacher@weather",
    "adapt-mlm@weather",
    "augment@weather",
    "intermediate-distill@weather-small",
    "prediction-distill@weather-small",
)
"""The stages that keep their progress; the others begin anew."""
LAST = "evaluate@weather-small"
"""With all that it depends on; what comes after it are times."""
LONGER = {
    "name: smoke": "name: smoke\ncheckpoint_minutes: 0.003",
    "smoke/corpus.txt": "smoke/corpus.xml",
    "{epochs: 1, batch_size: 8, learning_rate: 1.0e-3, max_length: 16}": (
        "{epochs: 2, batch_size: 64, learning_rate: 1.0e-3, max_length: 16}"
    ),
    "epochs: 4,": "epochs: 20,",
    "steps: 10,": "steps: 200,",
    "copies: 2, probability: 0.4": "copies: 20, probability: 0.15",
    "epochs: 1\n      batch_size: 8": "epochs: 1\n      batch_size: 32",
    "{data: augmented, epochs: 1, batch_size: 8": "{data: augmented, epochs: 1, batch_size: 32",
}
"""What presets/smoke.yaml says, and what it says here, so that there is time to hit a stage."""
LOCK = Path("dvc.lock")
PAGES = 1200
PATIENCE = 600
"""Seconds after which a `dvc repro` hangs."""


@dataclass(frozen=True)
class Project:
    """A project, and what a run left there that nobody attacked."""

    folder: Path
    lock: dict[str, Any]  # dvc.lock
    bytes: dict[str, str]  # SHA-256 of each file of the outs, by path
    seconds: dict[str, float]  # that each stage took

    def start(self, *targets: str, alone: bool = True) -> subprocess.Popen[str]:
        """Start `dvc repro` of stages, alone or with what they depend on, as the leader of a process group."""
        command = ["dvc", "repro", "--no-run-cache", *(["--single-item"] if alone else []), *targets]
        return subprocess.Popen(
            command, cwd=self.folder, env=_variables(), start_new_session=True, text=True, errors="replace",
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def check(self) -> str:
        """What `python -m tinybert check` says."""
        command = [sys.executable, "-m", "tinybert", "check"]
        done = subprocess.run(command, cwd=self.folder, env=_variables(), capture_output=True, text=True)
        return done.stdout + done.stderr

    def forget(self, *targets: str) -> None:
        """Make DVC run stages again: their outs, what is cached for them and their entries in dvc.lock go."""
        stages = {name: entry for name, entry in self.lock["stages"].items() if name not in targets}
        with (self.folder / LOCK).open("w", encoding="utf-8") as stream:
            YAML().dump(self.lock | {"stages": stages}, stream)
        for path in (*(out for target in targets for out in self.outs(target)), ".cache/logits", ".cache/blocks"):
            remove(self.folder / path)

    def missing(self) -> list[str]:
        """The stages that dvc.lock doesn't have."""
        there = read_lock(self.folder)["stages"]
        return [name for name in self.lock["stages"] if name not in there]

    def outs(self, target: str) -> list[str]:
        return [out["path"] for out in self.lock["stages"][target]["outs"]]

    def differing(self) -> list[str]:
        """What isn't as the run left it that nobody attacked: files, dvc.lock, and what is half written."""
        now = _bytes(self.folder, self.lock)
        files = [path for path in sorted(self.bytes | now) if self.bytes.get(path) != now.get(path)]
        lock = [] if read_lock(self.folder) == self.lock else [str(LOCK)]
        return files + lock + [str(path) for path in half_written(self.folder, "data", "models", "curves")]

    def stages(self) -> list[psutil.Process]:
        """The stages that run in this project."""
        return [process for process, command in self._running() if "stages." in command]

    def processes(self) -> list[psutil.Process]:
        """Whatever runs there, the stages' own workers among it."""
        return [process for process, _ in self._running()]

    def _running(self) -> list[tuple[psutil.Process, str]]:
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.cwd() == str(self.folder.resolve()) and process.status() != psutil.STATUS_ZOMBIE:
                    found.append((process, " ".join(process.cmdline())))
        return found

    def checkpoints(self) -> list[Path]:
        """The folders of progress that are whole, the newest last."""
        found = glob.glob(f"{self.folder}/.checkpoints/*/*/*/*/[0-9]*/checksums.json")  # noqa: PTH207 - see half_written
        seals: list[tuple[float, Path]] = []
        for seal in map(Path, found):
            with suppress(FileNotFoundError):
                seals.append((seal.stat().st_mtime, seal.parent))
        return [folder for _, folder in sorted(seals)]


def prepare(folder: Path) -> Project:
    """A project, and its run that is left alone."""
    make_project(folder)
    write_dump(folder / "smoke" / "corpus.xml")
    params = (folder / "presets" / "smoke.yaml").read_text()
    for old, new in LONGER.items():
        assert params.count(old) == 1, old
        params = params.replace(old, new)
    (folder / "params.yaml").write_text(params)
    for left in (".checkpoints", LOCK):
        remove(folder / left)
    run = Project(folder, {}, {}, {}).start(LAST, alone=False)
    said, _ = run.communicate()
    assert run.returncode == 0, said
    lock = read_lock(folder)
    times = {
        name: json.loads(file.read_text())["seconds"]
        for name in lock["stages"]
        if (file := folder / ".runs" / f"{name}.json").exists()
    }
    return Project(folder, lock, _bytes(folder, lock), times)


def write_dump(file: Path) -> None:
    """A MediaWiki dump of some thousand short articles: the cleaning of their markup takes seconds."""
    generator = np.random.default_rng(0)
    pages = []
    for number in range(PAGES):
        sentences = [weather_report(generator, good=bool(generator.integers(2))) for _ in range(12)]
        markup = "'''Weather''' {{Infobox|a=1}} " + " ".join(f"[[Rain|{sentence}]]" for sentence in sentences)
        pages.append(f"<page><title>{number}</title><ns>0</ns><revision><text>{markup}</text></revision></page>")
    file.write_text(f"<mediawiki>{''.join(pages)}</mediawiki>", encoding="utf-8")


def read_lock(folder: Path) -> dict[str, Any]:
    """What dvc.lock says, in whatever order; no stages where it is cut off or not there."""
    with suppress(OSError):
        lock = YAML(typ="safe", pure=True).load((folder / LOCK).read_text(encoding="utf-8"))
        if isinstance(lock, dict) and isinstance(lock.get("stages"), dict):
            return lock
    return {"stages": {}}


def half_written(folder: Path, *parts: str) -> list[Path]:
    """Folders that are being filled, or were left by who was killed."""
    places = [f"{folder}/{part}/**/.*.partial" for part in parts]  # pathlib's own stumbles over what goes meanwhile
    return [Path(path) for place in places for path in glob.glob(place, recursive=True)]  # noqa: PTH207


def remove(path: Path) -> None:
    """A file, a folder or a link, where it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def until(condition: Any, seconds: float = 120) -> bool:
    """Wait for a condition; False where it didn't come true."""
    end = time.monotonic() + seconds
    while not (came := condition()) and time.monotonic() < end:
        time.sleep(0.001)
    return bool(came)


def _bytes(folder: Path, lock: dict[str, Any]) -> dict[str, str]:
    outs = (folder / out["path"] for entry in lock["stages"].values() for out in entry["outs"])
    files = (file for out in outs for file in (sorted(out.rglob("*")) if out.is_dir() else [out]) if file.is_file())
    return {file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def _variables() -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return os.environ | {"PATH": path, "DVC_NO_ANALYTICS": "1", "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
