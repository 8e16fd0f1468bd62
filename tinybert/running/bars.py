"""How far a long work is: a bar on a terminal, a line a minute in a log."""

from __future__ import annotations

import sys
from typing import Any

from tqdm import tqdm

FIRST, EVERY = 15, 60
"""Seconds until the first line of a log, and between the others."""
LONG = 600
"""Seconds from which on a work is worth a sentence that says so before it has well begun."""
LINE = "{desc}: {percentage:.0f} % ({n_fmt} of {total_fmt}, {rate_fmt}), {remaining} left{postfix}"


class Bar(tqdm):
    """tqdm's bar; where there is no terminal, a line a minute in its place, since a bar fills a log."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.lines = not sys.stderr.isatty()
        self.told = False
        sparse = {"mininterval": FIRST, "miniters": 1, "delay": FIRST, "bar_format": LINE}
        super().__init__(*args, **kwargs | (sparse if self.lines else {}))

    def display(self, msg: str | None = None, pos: int | None = None) -> bool:
        """Show where the work is; once, as soon as it can be told, how long it will take if that is long."""
        elapsed, done = self.format_dict["elapsed"], self.n - self.initial
        if not self.told and elapsed >= FIRST and done:
            self.told = True
            if self.total and (left := elapsed / done * (self.total - self.n)) > LONG:
                each = f"{elapsed / done:.2g} s a {self.unit.strip().removesuffix('s')}"
                say = self._say if self.lines else self.write
                say(f"{self.desc}: about {self.format_interval(left)} left, at {each}")
        if not self.lines:
            return super().display(msg, pos)
        if msg is None:
            self.mininterval = EVERY
            self._say(str(self))
        return False  # no line is open that would have to be ended

    def close(self) -> None:
        """A log's last line says where the work ended, if it has said anything before."""
        if self.lines and not self.disable:
            self.leave = False
            if self.format_dict["elapsed"] >= FIRST:
                self.display()
        super().close()

    def _say(self, line: str) -> None:
        print(f"  {' '.join(line.split())}", file=self.fp, flush=True)
