"""Around every stage: say what it reads and writes, time it, turn a mistake into one line."""

from __future__ import annotations

import atexit
import gc
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from tinybert.errors import UserError
from tinybert.params.table import PLAIN, load_watch
from tinybert.running.caches import use_caches_as, used_entries
from tinybert.running.damage import find_damaged
from tinybert.running.finished import keep, take
from tinybert.running.launch import before_last_words, begin_process, is_launched, run_anew
from tinybert.running.memory import MemoryWatch
from tinybert.running.outputs import clear_partial, explain
from tinybert.running.progress import keep_progress_in, last_kept
from tinybert.running.recorded import note_outs, place_of, remove_recorded
from tinybert.running.tracked import PARAMS, track

Reads = Callable[..., tuple[Path, ...]]
TIMES = Path(".runs")


@contextmanager
def stage(
    name: str, *writes: Path, online: bool = False, tidies: Path | None = None, trains: bool = False
) -> Iterator[Reads]:
    """Run a stage's body: announce, check that its inputs are there, time it, and exit with 1 on a user's mistake.

    So it does where params or an input were edited while it ran: DVC would record what the outs were not made of. Where
    params were, the work is kept, and taken in place of the body once the values are as they were; of an input that was
    edited nobody knows how much was read before.

    Yields a function that takes the inputs, announces and checks them, and gives them back; `missing` is what to do
    about one that isn't there.

    Args:
        name: `stage@key`; its wall time in seconds and its peak memory in bytes go to `.runs/<name>.json`.
        writes: what the stage will write, each whole or not at all.
        online: whether the stage may touch the network; for all others the hub's offline switch is on.
        tidies: a folder among its inputs from which the stage itself removes what is left over.
        trains: whether its body is run by several processes, where `launch` in params.yaml says so.
    """
    if not online:
        os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    # Importing torch and transformers makes a million objects that stay; to search them for rubbish each time that some
    # hundreds more have come is a sixth of the time.
    gc.set_threshold(50_000)
    inputs: list[Path] = []

    made = f"an earlier stage writes it: run `dvc repro {name}`"

    def reads(*paths: Path, missing: str = made) -> tuple[Path, ...]:
        print(f"  reads  {', '.join(dict.fromkeys(map(str, paths)))}", flush=True)
        for path in paths:
            if not path.exists():
                raise UserError(f"{path}: missing; {missing}")
            if missing is made and path.is_dir() and not any(path.iterdir()):
                raise UserError(f"{path}: empty; {made}")
        inputs.extend(paths)
        return paths

    if is_launched():  # by this stage, which does the rest
        place = begin_process()
        with _failing_in_a_line(name, writes, inputs):
            use_caches_as(name)
            keep_progress_in(place, load_watch(PARAMS).checkpoint_minutes)
            yield reads
        return
    signal.signal(signal.SIGTERM, _terminate)
    print(f"{name}\n  writes {', '.join(map(str, writes))}\n  reads  {PARAMS}", flush=True)
    with _failing_in_a_line(name, writes, inputs), _recorded(name, tidies) as place:
        launch = load_watch(PARAMS).launch if trains else PLAIN
        if launch == PLAIN:
            yield reads
        else:
            try:
                run_anew(launch, place)
            finally:
                for path in writes:
                    clear_partial(path)
    for number in (signal.SIGINT, signal.SIGTERM):  # nothing is left to stop; libraries take their leave
        atexit.register(signal.signal, number, signal.SIG_IGN)
    if launch != PLAIN:
        sys.exit()  # the body has run


@contextmanager
def _recorded(name: str, tidies: Path | None) -> Iterator[Path | None]:
    """What it costs is noted, and what DVC will record is true; yields where progress is kept."""
    started, memory = time.monotonic(), MemoryWatch()
    # A killed `dvc repro` can leave its stage running: a second one beside it would write into the same folders.
    TIMES.mkdir(exist_ok=True)
    with FileLock(TIMES / f"{name}.lock", timeout=0):
        use_caches_as(name)
        tracked = track(name)
        remove_recorded()
        if tracked:
            keep_progress_in(place_of(tracked), load_watch(PARAMS).checkpoint_minutes)
            if take(tracked):
                note_outs(tracked)
                print("  made by an earlier run, of the same values and inputs, and kept for this one", flush=True)
                sys.exit(0)
        yield place_of(tracked) if tracked else None
        seconds, most = time.monotonic() - started, memory.peak()
        record = {"seconds": round(seconds, 1), "bytes": most}
        (TIMES / f"{name}.json").write_text(json.dumps(record) + "\n")
        if tracked:
            for path in tracked.edited_inputs(tidies):
                raise UserError(f"{path}: edited while this stage read it; run it again, and edit it before or after")
            for line in tracked.edited_values():
                keep(tracked)
                raise UserError(f"{line}; what it made is kept for when that is put back; `dvc repro` makes the new")
            note_outs(tracked)
    print(f"  done in {seconds:.1f} s, {most / 2**30:.1f} GiB", flush=True)


@contextmanager
def _failing_in_a_line(name: str, writes: Sequence[Path], inputs: Sequence[Path]) -> Iterator[None]:
    """Whatever a user can mend ends the process with a line; anything else is a traceback."""
    try:
        yield
    except KeyboardInterrupt as stop:
        _fail(name, _stopped(), *stop.args or [128 + signal.SIGINT])
    except Exception as error:
        if reason := explain(error, writes):
            _fail(name, f"{reason}{f'; {kept} is kept' if (kept := last_kept()) else ''}")
        if reason := find_damaged(inputs):
            _fail(name, f"{reason}; `dvc repro {name}` writes it again")
        if reason := find_damaged(used_entries()):
            _fail(name, f"{reason}; remove it, and run this again")
        before_last_words(known=False)
        raise


def _terminate(*_: object) -> None:
    """As Ctrl-C does, so that partial outputs are removed."""
    raise KeyboardInterrupt(128 + signal.SIGTERM)


def _stopped() -> str:
    kept = last_kept()
    return f"stopped at {kept}, which is kept: `dvc repro` goes on there" if kept else "stopped; nothing was written"


def _fail(name: str, message: str, code: int = 1) -> None:
    before_last_words(known=True)
    print(f"error: {name}: {message}", file=sys.stderr, flush=True)
    sys.exit(code)
