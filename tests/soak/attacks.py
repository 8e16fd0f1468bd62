"""Attacks on `dvc repro`: signals at chosen moments, damage, full disks, edits, a second one beside it."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

import psutil

from tests.soak.project import KEEPING, PATIENCE, Project, half_written, until

RATE = ("learning_rate: 1.0e-", "learning_rate: 2.0e-")
CHANGED = {
    "import-file@corpus": ("corpus.xml, kind: corpus}", "corpus.xml, kind: corpus, column: text}"),
    "augment@weather": ("candidates: 5", "candidates: 4"),
    **dict.fromkeys(KEEPING[1:4] + KEEPING[5:], RATE),
}
"""A parameter that decides a stage's bytes, and another value of it."""


@dataclass
class Struck:
    """What came of an attack."""

    hit: bool  # whether it struck when it should
    said: str
    lost: float | None = None  # seconds of a stage's work after its last checkpoint
    expected: str = ""  # what the next run has to say


Attack = Callable[[Project, str, random.Random], Struck]
Moment = Callable[[Project, str, random.Random, "Output"], bool]
"""Waits, and gives back whether it came."""


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

    def over(self) -> bool:
        return not self.reader.is_alive()


def at_random(project: Project, target: str, draw: random.Random, output: Output) -> bool:
    """Anywhere in a stage, its start among it."""
    until(lambda: project.stages() or output.over())
    time.sleep(draw.random() * project.seconds[target])
    return bool(project.stages())


def in_its_work(project: Project, target: str, draw: random.Random, output: Output) -> bool:
    """Soon after the first checkpoint, most of a stage's seconds being its start; `at_random` strikes later, too."""
    since = time.time()
    until(lambda: _newest(project) > since or output.over())
    time.sleep(draw.random() * project.seconds[target] / 8)
    return not output.over()


def in_a_checkpoint(project: Project, target: str, draw: random.Random, output: Output) -> bool:
    """While one is written."""
    for _ in range(draw.randrange(4)):
        until(lambda: half_written(project.folder, ".checkpoints") or output.over())
        until(lambda: not half_written(project.folder, ".checkpoints") or output.over())
    until(lambda: half_written(project.folder, ".checkpoints") or output.over())
    time.sleep(draw.random() * 0.01)
    return bool(half_written(project.folder, ".checkpoints"))


def in_the_last_write(project: Project, target: str, draw: random.Random, output: Output) -> bool:
    """While what the stage makes is written."""
    out = project.folder / project.outs(target)[-1]
    partial = out.with_name(f".{out.name}.partial")
    until(lambda: any(partial.glob("*")) or output.over())
    time.sleep(draw.random() * 0.05)
    return partial.exists()


def in_dvcs_own_work(project: Project, target: str, draw: random.Random, output: Output) -> bool:
    """After the stage's end, while DVC moves its outs into the cache and writes dvc.lock."""
    until(lambda: "done in" in output.text or output.over())
    time.sleep(draw.random() * 0.4)
    return not output.over()


def signalled(who: str, number: signal.Signals, moment: Moment) -> Attack:
    """A signal to the stage, to dvc or to both; and where dvc leaves its stage alone, sometimes a second dvc."""

    def attack(project: Project, target: str, draw: random.Random) -> Struck:
        process = project.start(target)
        output = Output(process)
        hit, stages = moment(project, target, draw, output), project.stages()
        lost = [time.time() - max(stage.create_time(), _newest(project)) for stage in stages if stage.is_running()]
        with suppress(psutil.Error, ProcessLookupError):  # which ended just now
            if who == "all":
                os.killpg(process.pid, number)
            for victim in stages if who == "stage" else [psutil.Process(process.pid)] if who == "dvc" else []:
                victim.send_signal(number)
        if who == "dvc" and draw.random() < 0.5:  # whoever is impatient starts the next one beside the orphan
            process.wait(PATIENCE)
            other, _ = project.start(target).communicate(timeout=PATIENCE)
            output.text += other
        process.wait(PATIENCE)
        output.reader.join(PATIENCE)
        return Struck(hit, output.text, lost[0] if lost and who != "dvc" else None)

    return attack


def damaged(project: Project, target: str, draw: random.Random) -> Struck:
    """Killed, and its newest checkpoint altered: a bit, its end, or a file of it."""
    struck = signalled("all", signal.SIGKILL, in_its_work)(project, target, draw)
    files = [file for folder in project.checkpoints()[-1:] for file in sorted(folder.iterdir())]
    files = [file for file in files if file.stat().st_size]
    if not files:
        return Struck(False, struck.said)
    file = draw.choice(files)
    content = bytearray(file.read_bytes())
    how = draw.choice(("bit", "end", "file"))
    if how == "bit" and file.name != "checksums.json":  # of which words are nobody's loss
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    else:
        del content[draw.randrange(len(content)) :]
    file.write_bytes(content)
    if how == "file":
        file.unlink()
    return Struck(struck.hit, struck.said, expected="damaged or cut off")


def changed(project: Project, target: str, draw: random.Random) -> Struck:
    """Killed, then killed again with another value of a parameter, which is put back."""
    kill = signalled("all", signal.SIGKILL, in_its_work)
    first = kill(project, target, draw)
    params = project.folder / "params.yaml"
    text = params.read_text()
    params.write_text(text.replace(*CHANGED[target]))
    second = kill(project, target, draw)
    params.write_text(text)
    project.forget(target)
    return Struck(first.hit and second.hit, first.said + second.said)


def edited(project: Project, target: str, draw: random.Random) -> Struck:
    """A parameter changes while the stage runs, which is to say so and keep its work; then it is put back."""
    params = project.folder / "params.yaml"
    text = params.read_text()
    process = project.start(target)
    output = Output(process)
    hit = at_random(project, target, draw, output)
    params.write_text(text.replace(*CHANGED[target]))
    process.wait(PATIENCE)
    output.reader.join(timeout=10)
    params.write_text(text)
    if process.returncode == 0:  # it was edited before the stage looked, or after it had looked last
        project.forget(target)
    return Struck(hit, output.text)


def twice(project: Project, target: str, draw: random.Random) -> Struck:
    """Two at once of one stage: one does the work."""
    both = project.start(target), project.start(target)
    said = [process.communicate(timeout=PATIENCE)[0] for process in both]
    return Struck(any("busy" in text or "running already" in text for text in said), "".join(said))


def beside(project: Project, target: str, draw: random.Random) -> Struck:
    """Two at once of two stages, each with what it depends on, which may be the other."""
    other = "general-distill@small" if target != "general-distill@small" else "finetune-teacher@weather"
    project.forget(target, other)
    both = project.start(target, alone=False), project.start(other, alone=False)
    said = [process.communicate(timeout=PATIENCE)[0] for process in both]
    return Struck(True, "".join(said))


def no_large_files(project: Project, target: str, draw: random.Random) -> Struck:
    """From some moment on the stage can write no file above some size, as on a disk that fills."""
    process = project.start(target)
    output = Output(process)
    at_random(project, target, draw, output)
    most = int(2 ** draw.uniform(8, 18))
    for stage in project.stages():
        with suppress(psutil.Error):
            stage.rlimit(psutil.RLIMIT_FSIZE, (most, most))
    process.wait(PATIENCE)
    output.reader.join(PATIENCE)
    return Struck("too large" in output.text, output.text)


@contextmanager
def small_disk(folder: Path, kilobytes: float) -> Iterator[None]:
    """A disk of its own at `folder`, with what lies there and so much room; what is on it afterwards stays."""
    aside = folder.with_name(f"{folder.name}-aside")
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(folder, aside, symlinks=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], check=True)
    try:
        shutil.copytree(aside, folder, symlinks=True, dirs_exist_ok=True)
        used = shutil.disk_usage(folder).used // 1024
        subprocess.run(["mount", "-o", f"remount,size={used + int(kilobytes)}k", folder], check=True)
        yield
        shutil.rmtree(aside)
        shutil.copytree(folder, aside, symlinks=True)
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)  # where this was interrupted, stages still run there
        shutil.rmtree(folder)
        aside.rename(folder)


def no_room(where: str) -> Attack:
    """A disk that fills: under the outs, the checkpoints, or the whole project with DVC's cache and dvc.lock."""

    def attack(project: Project, target: str, draw: random.Random) -> Struck:
        out = project.folder / project.outs(target)[-1]
        place = {"outs": out.parent, "checkpoints": project.folder / ".checkpoints", "project": project.folder}[where]
        with small_disk(place, 2 ** draw.uniform(2, 8.5)):
            said, _ = project.start(target).communicate(timeout=PATIENCE)
        return Struck("No space left" in said, said)

    return attack


OF_PROGRESS: dict[str, Attack] = {
    "kill -9 of both, in the stage's work": signalled("all", signal.SIGKILL, in_its_work),
    "kill -9 in a checkpoint's write": signalled("all", signal.SIGKILL, in_a_checkpoint),
    "kill -9, then a checkpoint damaged": damaged,
    "kill -9, another value, kill -9, put back": changed,
    "another value while it runs, put back": edited,
    "SIGTERM to the stage": signalled("stage", signal.SIGTERM, in_its_work),
    "Ctrl-C": signalled("all", signal.SIGINT, in_its_work),
}
"""Those on stages that keep it."""
ATTACKS: dict[str, Attack] = OF_PROGRESS | {
    "kill -9 of the stage": signalled("stage", signal.SIGKILL, at_random),
    "kill -9 of dvc": signalled("dvc", signal.SIGKILL, at_random),
    "kill -9 of both": signalled("all", signal.SIGKILL, at_random),
    "Ctrl-C at any time": signalled("all", signal.SIGINT, at_random),
    "SIGTERM to dvc": signalled("dvc", signal.SIGTERM, at_random),
    "kill -9 in the last write": signalled("all", signal.SIGKILL, in_the_last_write),
    "kill -9 of dvc in its own work": signalled("dvc", signal.SIGKILL, in_dvcs_own_work),
    "two dvc repro of one stage": twice,
    "two dvc repro of two stages": beside,
    "no file above some size": no_large_files,
}
if os.geteuid() == 0:  # who may mount
    OF_PROGRESS["no room for the checkpoints"] = no_room("checkpoints")
    ATTACKS |= {f"no room for the {where}": no_room(where) for where in ("outs", "checkpoints", "project")}


def _newest(project: Project) -> float:
    times = [0.0]
    for folder in project.checkpoints()[-1:]:
        with suppress(FileNotFoundError):
            times.append((folder / "checksums.json").stat().st_mtime)
    return max(times)
