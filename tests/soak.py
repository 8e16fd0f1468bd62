"""Attacks on `dvc repro`, and the bytes that come out of it in the end: `python -m tests.soak FOLDER --minutes 60`.

On tiny models, each stage that keeps its progress is killed again and again: at random, in the middle of a
checkpoint's or of the last write, while DVC writes its lock; the disk fills, checkpoints are damaged, a parameter
changes in between. Then `dvc repro` runs until it is done, and what it made has to equal what a run made that was left
alone.
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Annotated, Any

import numpy as np
import psutil
import typer
from ruamel.yaml import YAML

from tests.smoke import make_project
from tests.tiny import weather_report

TARGETS = {
    "import-file@corpus": ("data/sources/corpus",),
    "general-distill@small": ("models/general/small", "curves/general/small"),
    "finetune-teacher@weather": ("models/teachers/weather", "curves/teachers/weather"),
    "adapt-mlm@weather": ("models/mlm/weather", "curves/mlm/weather"),
    "augment@weather": ("data/augmented/weather",),
    "intermediate-distill@weather-small": ("models/intermediate/weather-small", "curves/intermediate/weather-small"),
    "prediction-distill@weather-small": ("models/students/weather-small", "curves/prediction/weather-small"),
}
"""The stages that keep their progress, and where their outs lie."""
LONGER = {
    "name: smoke": "name: smoke\ncheckpoint_minutes: 0.003",
    "smoke/corpus.txt": "smoke/corpus.xml",
    "{epochs: 1, batch_size: 8, learning_rate: 1.0e-3, max_length: 16}": (
        "{epochs: 2, batch_size: 64, learning_rate: 1.0e-3, max_length: 16}"
    ),
    "epochs: 4,": "epochs: 20,",
    "steps: 10,": "steps: 200,",
    "copies: 2, probability: 0.4": "copies: 40, probability: 0.15",
    "epochs: 1\n      batch_size: 8": "epochs: 1\n      batch_size: 32",
    "{data: augmented, epochs: 1, batch_size: 8": "{data: augmented, epochs: 1, batch_size: 32",
}
"""What presets/smoke.yaml says, and what it says here, so that there is time to hit a stage."""
CHANGED = {
    "import-file@corpus": ("corpus.xml, kind: corpus}", "corpus.xml, kind: corpus, column: text}"),
    "augment@weather": ("candidates: 5", "candidates: 4"),
}
"""A parameter that decides a stage's bytes, and another value of it; of those that train the rate does."""
RATE = ("learning_rate: 1.0e-", "learning_rate: 2.0e-")
MOST_RUNS = 6
"""Of `dvc repro` after an attack until it is done."""
LOCK = Path("dvc.lock")
PAGES = 1200


def main(
    folder: Annotated[Path, typer.Argument(help="a scratch folder, made where it isn't there")],
    minutes: Annotated[float, typer.Option(help="after which no new attack begins")] = 60,
    kills: Annotated[int, typer.Option(help="after which none begins")] = 10_000,
    seed: Annotated[int, typer.Option(help="of what is attacked, when and how")] = 0,
) -> None:
    """Attack `dvc repro` on tiny models, and compare every byte with a run that was left alone."""
    soak = prepare(folder)
    draw, until = random.Random(seed), time.monotonic() + 60 * minutes
    with suppress(KeyboardInterrupt):
        while time.monotonic() < until and soak.kills < kills:
            soak.attack(draw.choice(list(TARGETS)), draw.choice(list(ATTACKS)), draw, draw.choice((1, 1, 2, 3)))
    typer.echo(soak.tally())
    if soak.wrong:
        typer.echo(
            f"{len(soak.wrong)} ended otherwise than a run that was left alone: {', '.join(soak.wrong)}", err=True
        )
        raise typer.Exit(1)


@dataclass
class Soak:
    """A project, and what became of the attacks on it."""

    folder: Path
    whole: dict[str, Any]  # dvc.lock of the run that was left alone
    bytes: dict[str, str]  # of its outs, by path
    seconds: dict[str, float]  # that each stage took
    kills: int = 0
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def attack(self, target: str, attack: str, draw: random.Random, times: int) -> None:
        """Attack a stage so many times, have it finish, and compare."""
        forget(self, target)
        count = self.counts.setdefault(attack, Counter())
        started, said = time.monotonic(), []
        for _ in range(times):
            hit, output = ATTACKS[attack](self, target, draw)
            self.kills += hit
            count.update(attacks=1, hits=hit)
            said.append(output)
        for _ in range(MOST_RUNS):
            done = repro(self, target)
            output, _ = done.communicate(timeout=300)
            said.append(output)
            if not done.returncode:
                break
            _wait_for_orphans(self.folder)
        resumed = sum("goes on at" in output for output in said)
        wrong = [] if not done.returncode else [f"exit code {done.returncode}"]
        wrong += self.differences(target)
        count.update(rounds=1, resumed=resumed, equal=not wrong)
        what = f"{attack} {target}"
        if wrong:
            self.wrong.append(what)
            (self.folder / f"wrong-{len(self.wrong)}.log").write_text("\n=====\n".join([*wrong, *said]))
        where = "; ".join(re.findall(r"goes on at (.+?), kept", "".join(said))) or "the beginning"
        verdict = f"DIFFERENT: {wrong}" if wrong else "equal"
        print(f"{time.monotonic() - started:5.1f} s  {what}: went on at {where}; {verdict}", flush=True)

    def differences(self, target: str) -> list[str]:
        """What isn't as in the run that was left alone: files, entries of dvc.lock, half-written files that stayed."""
        before = {path: sha for path, sha in self.bytes.items() if path.startswith(TARGETS[target])}
        now, lock = outs(self.folder, target), read_lock(self.folder)["stages"]
        found = [path for path in before | now if before.get(path) != now.get(path)]
        whole = self.whole["stages"]
        found += [f"{LOCK}: {name}" for name in whole | lock if whole.get(name) != lock.get(name)]
        return found + half_written(self.folder, "data", "models", "curves")

    def tally(self) -> str:
        """A table of attacks, and what came of them."""
        lines = ["| attack | rounds | attempts | of these hit a stage at work | runs that went on | equal in the end |"]
        lines.append("|---|---:|---:|---:|---:|---:|")
        for attack, count in sorted(self.counts.items()):
            cells = (count[name] for name in ("rounds", "attacks", "hits", "resumed", "equal"))
            lines.append(f"| {attack} | {' | '.join(f'{cell:,}' for cell in cells)} |")
        return "\n".join(lines)


def prepare(folder: Path) -> Soak:
    """A project with stages of some seconds, and its run that is left alone."""
    make_project(folder)
    write_dump(folder / "smoke" / "corpus.xml")
    params = (folder / "presets" / "smoke.yaml").read_text()
    for old, new in LONGER.items():
        assert params.count(old) == 1, old
        params = params.replace(old, new)
    (folder / "params.yaml").write_text(params)
    shutil.rmtree(folder / ".checkpoints", ignore_errors=True)
    print("the run that is left alone", flush=True)
    soak = Soak(folder, {}, {}, {})
    run = repro(soak, *TARGETS, alone=False)
    said, _ = run.communicate()
    assert run.returncode == 0, said
    soak.whole = read_lock(folder)
    for target in TARGETS:
        soak.bytes |= outs(folder, target)
        soak.seconds[target] = json.loads((folder / ".runs" / f"{target}.json").read_text())["seconds"]
    return soak


def write_dump(file: Path) -> None:
    """A MediaWiki dump of some thousand short articles: the cleaning of their markup takes seconds."""
    generator = np.random.default_rng(0)
    pages = []
    for number in range(PAGES):
        sentences = [weather_report(generator, good=bool(generator.integers(2))) for _ in range(12)]
        markup = "'''Weather''' {{Infobox|a=1}} " + " ".join(f"[[Rain|{sentence}]]" for sentence in sentences)
        pages.append(f"<page><title>{number}</title><ns>0</ns><revision><text>{markup}</text></revision></page>")
    file.write_text(f"<mediawiki>{''.join(pages)}</mediawiki>", encoding="utf-8")


def repro(soak: Soak, *targets: str, alone: bool = True) -> subprocess.Popen[str]:
    """Start `dvc repro` of stages, alone or with all that they depend on, as the leader of a process group."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    variables = os.environ | {"PATH": path, "DVC_NO_ANALYTICS": "1", "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
    command = ["dvc", "repro", "--no-run-cache", *(["--single-item"] if alone else []), *targets]
    return subprocess.Popen(
        command, cwd=soak.folder, env=variables, start_new_session=True, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def read_lock(folder: Path) -> dict[str, Any]:
    """What dvc.lock says, in whatever order."""
    return YAML(typ="safe", pure=True).load((folder / LOCK).read_text(encoding="utf-8"))


def forget(soak: Soak, target: str) -> None:
    """Make DVC run a stage again: its outs, what is cached for it and its entry in dvc.lock go."""
    stages = {name: entry for name, entry in soak.whole["stages"].items() if name != target}
    with (soak.folder / LOCK).open("w", encoding="utf-8") as stream:
        YAML().dump(soak.whole | {"stages": stages}, stream)
    for path in (*TARGETS[target], ".cache/logits", ".cache/blocks"):
        shutil.rmtree(soak.folder / path, ignore_errors=True)


def outs(folder: Path, target: str) -> dict[str, str]:
    """The SHA-256 of each file that a stage makes."""
    files = (file for out in TARGETS[target] for file in sorted((folder / out).rglob("*")) if file.is_file())
    return {
        file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in files
        if file.name != ".gitignore"
    }


def half_written(folder: Path, *parts: str) -> list[str]:
    """Folders that are being filled, or were left by who was killed."""
    places = [f"{folder}/{part}/**/.*.partial" for part in parts]  # pathlib's own stumbles over what goes meanwhile
    return [path for place in places for path in glob.glob(place, recursive=True)]  # noqa: PTH207


def _stages(folder: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if "stages." in " ".join(process.cmdline()) and process.cwd() == str(folder.resolve()):
                found.append(process)
    return found


def _wait_for_orphans(folder: Path) -> None:
    psutil.wait_procs(_stages(folder), timeout=300)


Moment = Callable[[Soak, str, random.Random, "Output"], None]


class Output:
    """What a process has printed so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.text = ""
        self.reader = Thread(target=self._read, args=(process,), daemon=True)
        self.reader.start()

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self.text += line


def killed(who: str, number: signal.Signals, moment: Moment) -> Callable[[Soak, str, random.Random], tuple[int, str]]:
    """An attack: a signal to the stage, to dvc or to both, at a moment."""

    def attack(soak: Soak, target: str, draw: random.Random) -> tuple[int, str]:
        process = repro(soak, target)
        output = Output(process)
        with suppress(TimeoutError):
            moment(soak, target, draw, output)
        stages = _stages(soak.folder)
        for victim in {"stage": stages, "dvc": [psutil.Process(process.pid)], "group": []}[who]:
            with suppress(psutil.Error):
                victim.send_signal(number)
        if who == "group":
            with suppress(ProcessLookupError):
                os.killpg(process.pid, number)
        if who == "dvc" and draw.random() < 0.5:  # whoever is impatient starts the next one beside the orphan
            process.wait(timeout=300)
            other = repro(soak, target)
            output.text += other.communicate(timeout=300)[0]
        process.wait(timeout=300)
        _wait_for_orphans(soak.folder)
        output.reader.join(timeout=10)
        return len(stages) > 0, output.text

    return attack


def at_random(soak: Soak, target: str, draw: random.Random, output: Output) -> None:
    """Anywhere in a stage, its start among it."""
    time.sleep(2 + draw.random() * soak.seconds[target])


def _until(condition: Callable[[], object], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.001)


def in_a_checkpoint(soak: Soak, target: str, draw: random.Random, output: Output) -> None:
    """While one is written."""
    for _ in range(draw.randrange(8)):
        _until(lambda: half_written(soak.folder, ".checkpoints") or _over(output))
        _until(lambda: not half_written(soak.folder, ".checkpoints") or _over(output))
    _until(lambda: half_written(soak.folder, ".checkpoints") or _over(output))
    time.sleep(draw.random() * 0.01)


def in_the_last_write(soak: Soak, target: str, draw: random.Random, output: Output) -> None:
    """While what the stage makes is written."""
    first = Path(TARGETS[target][0])
    partial = soak.folder / first.parent / f".{first.name}.partial"
    _until(lambda: any(partial.glob("*")) or _over(output))
    time.sleep(draw.random() * 0.05)


def in_dvcs_own_work(soak: Soak, target: str, draw: random.Random, output: Output) -> None:
    """After the stage's end, while DVC moves its outs into the cache and writes dvc.lock."""
    _until(lambda: "done in" in output.text or _over(output))
    time.sleep(draw.random() * 0.4)


def _over(output: Output) -> bool:
    return not output.reader.is_alive()


def damaged(soak: Soak, target: str, draw: random.Random) -> tuple[int, str]:
    """Killed, and its newest checkpoint altered: a bit, its end, or a file of it."""
    hit, output = killed("group", signal.SIGKILL, at_random)(soak, target, draw)
    kept = sorted(file for file in soak.folder.glob(".checkpoints/*/*/*/*/[0-9]*/*") if file.is_file())
    if kept:
        newest = max(file.parent for file in kept)
        file = draw.choice([file for file in kept if file.parent == newest])
        content = bytearray(file.read_bytes())
        how = draw.randrange(3)
        if how == 0 and content:
            content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        file.write_bytes(content[: draw.randrange(len(content) + 1)] if how == 1 else content)
        if how == 2:
            file.unlink()
    return hit, output


def changed(soak: Soak, target: str, draw: random.Random) -> tuple[int, str]:
    """Killed, then with a parameter changed, killed again, and the parameter put back."""
    first, before = killed("group", signal.SIGKILL, at_random)(soak, target, draw)
    params = soak.folder / "params.yaml"
    text = params.read_text()
    params.write_text(text.replace(*CHANGED.get(target, RATE)))
    second, output = killed(draw.choice(("group", "stage")), signal.SIGKILL, at_random)(soak, target, draw)
    params.write_text(text)
    forget(soak, target)
    return first + second, before + output


def twice(soak: Soak, target: str, draw: random.Random) -> tuple[int, str]:
    """Two at once: one of them does the work, and neither harms the other."""
    first, second = repro(soak, target), repro(soak, target)
    output = "".join(process.communicate(timeout=300)[0] for process in (first, second))
    return 1, output


@contextmanager
def small_disk(folder: Path, kilobytes: int) -> Iterator[None]:
    """A disk of its own at `folder`, of few bytes; what it holds goes."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def full_for_outs(soak: Soak, target: str, draw: random.Random) -> tuple[int, str]:
    """No room for what the stage makes, at its end."""
    with small_disk(soak.folder / Path(TARGETS[target][0]).parent, draw.choice((8, 64))):
        output, _ = repro(soak, target).communicate(timeout=300)
    return 1, output


def full_for_checkpoints(soak: Soak, target: str, draw: random.Random) -> tuple[int, str]:
    """No room for checkpoints: the stage runs to its end all the same."""
    with small_disk(soak.folder / ".checkpoints", draw.choice((8, 64, 512))):
        output, _ = repro(soak, target).communicate(timeout=300)
    return 1, output


ATTACKS: dict[str, Callable[[Soak, str, random.Random], tuple[int, str]]] = {
    "kill -9 of the stage": killed("stage", signal.SIGKILL, at_random),
    "kill -9 of dvc": killed("dvc", signal.SIGKILL, at_random),
    "kill -9 of all": killed("group", signal.SIGKILL, at_random),
    "SIGTERM to the stage": killed("stage", signal.SIGTERM, at_random),
    "SIGTERM to dvc": killed("dvc", signal.SIGTERM, at_random),
    "Ctrl-C": killed("group", signal.SIGINT, at_random),
    "kill -9 in a checkpoint's write": killed("group", signal.SIGKILL, in_a_checkpoint),
    "kill -9 in the last write": killed("group", signal.SIGKILL, in_the_last_write),
    "kill -9 of dvc in its own work": killed("dvc", signal.SIGKILL, in_dvcs_own_work),
    "kill -9, checkpoint damaged": damaged,
    "kill -9, parameter changed in between": changed,
    "two dvc repro at once": twice,
}
if os.geteuid() == 0:  # who may mount
    ATTACKS |= {"no room for outs": full_for_outs, "no room for checkpoints": full_for_checkpoints}


if __name__ == "__main__":
    typer.run(main)
