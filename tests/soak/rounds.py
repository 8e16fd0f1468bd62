"""Rounds of attack, repair and comparison, and a table of what came of them."""

from __future__ import annotations

import random
import re
import statistics
import subprocess
import time
from collections import Counter
from dataclasses import dataclass, field

from tests.soak.attacks import ATTACKS, Struck
from tests.soak.project import LOCK, PATIENCE, Project, remove, until

MOST_RUNS = 6
"""Of `dvc repro` after an attack until it is done."""
GRACE = 60
"""Seconds after which what still runs is left behind."""


@dataclass
class Soak:
    """What became of the attacks on a project."""

    project: Project
    attacks: int = 0
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    lost: dict[str, list[float]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def round(self, target: str, attack: str, draw: random.Random, times: int) -> None:
        """Attack a stage so many times, have it finish, and compare."""
        count, lost = self.counts.setdefault(attack, Counter()), self.lost.setdefault(attack, [])
        started, said, faults = time.monotonic(), [], []
        self.project.forget(target)
        struck = Struck(False, "")
        for _ in range(times):
            try:
                struck = ATTACKS[attack](self.project, target, draw)
            except subprocess.TimeoutExpired as hangs:
                faults.append(f"hangs: {hangs}")
                break
            self.attacks += 1
            count.update(attacks=1, hits=int(struck.hit))
            lost += [] if struck.lost is None else [struck.lost]
            said.append(struck.said)
            if not until(lambda: not self.project.processes(), GRACE):
                faults.append(f"still runs: {[process.cmdline() for process in self.project.processes()]}")
        runs = self._finish(target, said)
        resumed = sum("goes on at" in text or "made by an earlier run" in text for text in said)
        if struck.hit and struck.expected not in "".join(said):
            faults.append(f"nobody said {struck.expected!r}")
        faults += [f"a traceback of {target}"] if "Traceback (most recent" in "".join(said) else []
        faults += [f"{path} differs" for path in self.project.differing()]
        count.update(rounds=1, runs=runs, resumed=resumed, equal=not faults)
        if faults:
            self.wrong.append(f"{attack} {target}")
            log = self.project.folder / f"wrong-{len(self.wrong)}.log"
            log.write_text("\n=====\n".join([*faults, *said]), encoding="utf-8")
        places = re.findall(r"goes on at (.+?), kept", "".join(said)) or ["the beginning"]
        print(
            f"{time.monotonic() - started:5.1f} s  {attack}, {target}{'' if struck.hit else ' (missed)'}: "
            f"went on at {'; '.join(places)}; done in run {runs}; {'; '.join(faults) or 'equal'}",
            flush=True,
        )

    def _finish(self, target: str, said: list[str]) -> int:
        """`dvc repro` until it is done, doing what `tinybert check` says; how many it took."""
        for run in range(1, MOST_RUNS + 1):
            if said and re.search(r"error|ERROR|exit", said[-1]):
                self._mend(target, said)
            missing = self.project.missing()
            process = self.project.start(*missing or [target])
            try:
                said.append(process.communicate(timeout=PATIENCE)[0])
            except subprocess.TimeoutExpired as hangs:
                said.append(f"hangs: {hangs}")
            if not process.returncode and not self.project.missing():
                return run
        return MOST_RUNS

    def _mend(self, target: str, said: list[str]) -> None:
        """Remove what `check` says is in the way."""
        says = self.project.check()
        said.append(says)
        for name in re.findall(r"`rm ([^`]+)`", says):
            said.append(f"rm {name}")
            if name == str(LOCK):  # its other stages have been recorded, and would be from DVC's run cache
                self.project.forget(target)
            else:
                remove(self.project.folder / name)

    def tally(self) -> str:
        """A table of attacks, and what came of them."""
        lines = [
            "| attack | rounds | attacks | of these hit | runs that went on | seconds lost, median and most | equal |",
            "|---|---:|---:|---:|---:|---:|---:|",
        ]
        rows = dict(sorted(self.counts.items())) | {"all": sum(self.counts.values(), Counter())}
        for attack, count in rows.items():
            seconds = self.lost.get(attack)
            lost = f"{statistics.median(seconds):.1f}, {max(seconds):.1f}" if seconds else ""
            numbers = (count[name] for name in ("rounds", "attacks", "hits", "resumed"))
            lines.append(f"| {attack} | {' | '.join(map(str, numbers))} | {lost} | {count['equal']} |")
        return "\n".join(lines)
