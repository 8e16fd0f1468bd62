"""A stage that trains in several processes: its script starts itself anew under `launch` of params.yaml.

The process that DVC started stays the stage: it has the lock, knows what is tracked, keeps time, passes on what is
said, and ends with one line. Those that the launcher starts do the stage's body: the first writes what comes out, the
others write where nobody looks, say nothing, and wait where something is made once.
"""

from __future__ import annotations

import os
import re
import select
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryFile
from threading import Thread

from tinybert.errors import UserError
from tinybert.params.table import PLAIN

LAUNCHED = "TINYBERT_LAUNCHED"
"""In the environment of the processes: where progress is kept, or nothing."""
FSDP, SHARED_TEACHER = "ACCELERATE_USE_FSDP", "TINYBERT_SHARED_TEACHER"
"""What `accelerate launch --use_fsdp` sets there to "true", and what that becomes."""
PATIENCE = 3
"""Seconds in which a launcher that saw a process die has ended the others."""
QUIET = {"TORCH_CPP_LOG_LEVEL": "ERROR"}
"""Without torch's warning that a model may have no weight without a gradient: of the next phase's it has."""
FOREVER = timedelta(days=30)
"""A process that has died is seen by the launcher; one that is awaited may validate for hours."""
STOP, MOST = b"s", 4096
"""What asks a process to stop after its step, and more of them than there are processes: each takes one."""
KILLED = re.compile(rb"Signal (?!15 )\d+ \(\w+\) received by PID \d+")


def is_launched() -> bool:
    """Whether this is one of the processes that do a stage's body."""
    return LAUNCHED in os.environ


def rank() -> int:
    """Which of them this is; 0 is the first, and a process alone."""
    return int(os.environ.get("RANK", 0)) if is_launched() else 0


def count_processes() -> int:
    """How many there are of them; 1 for a process alone."""
    return int(os.environ.get("WORLD_SIZE", 1)) if is_launched() else 1


def shares_teacher() -> bool:
    """Whether each process holds a part of the frozen teacher only, the one model that may not fit on a device."""
    return count_processes() > 1 and os.environ.get(SHARED_TEACHER) == "true"


def missing_program(command: str) -> str | None:
    """What is wrong with a `launch` that can't be run here."""
    try:
        program = shlex.split(command)[0]
    except ValueError as error:  # of quotes that don't end
        return f"launch: expected a command, found {command!r}: {error}"
    if command == PLAIN or shutil.which(program):
        return None
    return f"launch: there is no program {program!r} here; install it, or correct launch"


def run_anew(command: str, place: Path | None) -> None:
    """Run this script's module, with its arguments, under a launcher, pass on what it says, and come back at its end.

    SIGTERM and Ctrl-C ask the processes to stop after their step; a second one ends them at once. They end with this
    process, however it ends.

    Args:
        command: a `launch` of params.yaml.
        place: where progress is kept.

    Raises:
        UserError: the launcher isn't there, or came to an end, or a process was killed, and none has said why.
        SystemExit: a process has said why it ended, in the one line that is passed on.
    """
    if problem := missing_program(command):
        raise UserError(problem)
    arguments = [*shlex.split(command), *sys.orig_argv[sys.orig_argv.index("-m") + 1 :]]
    with (
        TemporaryFile() as words,
        subprocess.Popen(
            arguments,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=words,
            env={**QUIET, **os.environ, LAUNCHED: f"{place or ''}"}, start_new_session=True,
        ) as launcher,
    ):  # fmt: skip
        said = _Said()
        try:
            said.pass_on(launcher.stdout or ())
        except KeyboardInterrupt as stop:
            _stop(launcher, said)
            if said.error:
                sys.exit(*stop.args or [128 + signal.SIGINT])
            raise
        if not (code := launcher.wait()):
            return
        if said.error:
            sys.exit(1)
        words.seek(0)
        last = words.read()
    if killed := KILLED.search(last):
        raise UserError(f"one of its processes was killed ({killed[0].decode()}); is the memory full? run it again")
    told = [line.strip() for line in last.decode(errors="replace").splitlines() if line.strip()]
    why = f": {told[-1]}" if told and not said.anything else ""
    raise UserError(f"`{command}` ended with exit code {code}{why}; correct launch, or run it again")


class _Said:
    """What came from the processes."""

    anything = error = False

    def pass_on(self, lines: Iterable[bytes]) -> None:
        """Until the last of them has ended; of their errors the first, since the others follow from it."""
        for line in lines:
            self.anything = True
            if not line.startswith(b"error: "):
                print(line.decode(errors="replace"), end="", flush=True)
            elif not self.error:
                self.error = True
                print(line.decode(errors="replace"), end="", file=sys.stderr, flush=True)


def _stop(launcher: subprocess.Popen[bytes], said: _Said) -> None:
    assert launcher.stdin is not None
    with suppress(OSError):  # they have ended
        launcher.stdin.write(STOP * MOST)
        launcher.stdin.flush()
    try:
        said.pass_on(launcher.stdout or ())
    except KeyboardInterrupt:
        launcher.terminate()
        raise
    launcher.wait()


def begin_process() -> Path | None:
    """Become one of a stage's processes; where progress is kept."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # by the launcher, where another has died: a step would never end
    os.dup2(1, 2)  # the launcher's own words go to the other one
    os.environ[SHARED_TEACHER] = os.environ.pop(FSDP, "")  # else Trainer would cut up the student, which is small
    if rank():
        sys.stdout = sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 - to the end
    sharing = ", of a frozen teacher a part in each" if shares_teacher() else ""
    print(f"  processes: {count_processes()}{sharing}", flush=True)
    Thread(target=_follow, daemon=True).start()
    import torch

    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", 0)))
    return Path(place) if (place := os.environ[LAUNCHED]) else None


def meet() -> None:
    """Have the processes know each other, if there are several, and if they don't yet."""
    import torch
    import torch.distributed as dist

    if count_processes() > 1 and not dist.is_initialized():
        dist.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo", timeout=FOREVER)


def _follow() -> None:
    """Stop when the stage asks for it, and end when it or the launcher has ended."""
    launcher = os.getppid()
    while not select.select([0], [], [], 1)[0]:
        if os.getppid() != launcher:
            os._exit(1)
    if os.read(0, 1) != STOP:
        os._exit(1)
    os.kill(os.getpid(), signal.SIGINT)


def before_last_words(known: bool) -> None:
    """Of several processes: have the first say what all would say, and those that miss a dead one say nothing.

    Args:
        known: whether it fails by a mistake that has a line, which is never another's death.
    """
    if count_processes() > 1:
        time.sleep((0 if known else PATIENCE) + (PATIENCE if rank() else 0))
        sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
