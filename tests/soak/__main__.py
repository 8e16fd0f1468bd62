"""Attacks on `dvc repro`, and the bytes that come out of it in the end: `python -m tests.soak FOLDER --minutes 60`.

On tiny models, stages are killed again and again: at random, in the middle of a checkpoint's or of the last write,
while DVC writes its lock; the disk fills, checkpoints are damaged, a parameter changes in between. Then `dvc repro`
runs until it is done, and what it made has to equal what a run made that was left alone.
"""

from __future__ import annotations

import random
import time
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from tests.soak.attacks import ATTACKS, OF_PROGRESS
from tests.soak.project import KEEPING, prepare
from tests.soak.rounds import Soak


def main(
    folder: Annotated[Path, typer.Argument(help="a scratch folder, made where it isn't there")],
    minutes: Annotated[float, typer.Option(help="after which no new attack begins")] = 60,
    kills: Annotated[int, typer.Option(help="after which none begins")] = 10_000,
    seed: Annotated[int, typer.Option(help="of what is attacked, when and how")] = 0,
    only: Annotated[str, typer.Option(help="attacks whose names hold this")] = "",
) -> None:
    """Attack `dvc repro` on tiny models, and compare every byte with a run that was left alone."""
    typer.echo("the run that is left alone")
    soak = Soak(prepare(folder))
    draw, until = random.Random(seed), time.monotonic() + 60 * minutes
    others = [name for name in soak.project.lock["stages"] if name not in KEEPING]
    with suppress(KeyboardInterrupt):
        while time.monotonic() < until and soak.attacks < kills:
            attack = draw.choice([name for name in ATTACKS if only in name])
            targets = KEEPING if attack in OF_PROGRESS else (*3 * KEEPING, *others)
            soak.round(draw.choice(targets), attack, draw, draw.choice((1, 1, 2, 3)))
    for left in soak.project.processes():  # where it was interrupted
        left.kill()
    typer.echo(soak.tally())
    if soak.wrong:
        names = ", ".join(soak.wrong)
        typer.echo(f"{len(soak.wrong)} ended otherwise than a run that was left alone: {names}; see {folder}", err=True)
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
