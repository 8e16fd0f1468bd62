"""Several processes: results in order, no more read than needed, nobody left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tinybert.errors import UserError
from tinybert.running.parallel import ordered_map

ROOT = Path(__file__).parents[2]


def square(number: int) -> int:
    time.sleep(0.02 if number % 3 == 0 else 0)
    return number * number


def kill_oneself(number: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return number


def test_order_and_lookahead() -> None:
    taken: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(50):
            taken.append(number)
            yield number

    results = ordered_map(square, numbers(), processes=2)
    assert [next(results) for _ in range(5)] == [0, 1, 4, 9, 16]
    assert len(taken) < 15
    assert list(results) == [number * number for number in range(5, 50)]


def test_a_mistake_in_the_items_comes_after_the_results_before_it() -> None:
    def numbers() -> Iterator[int]:
        yield from (1, 2)
        raise UserError("cut off")

    results = ordered_map(square, numbers(), processes=2)
    assert [next(results), next(results)] == [1, 4]
    with pytest.raises(UserError, match="cut off"):
        next(results)


def test_a_killed_process_is_told() -> None:
    with pytest.raises(UserError, match="was killed"):
        list(ordered_map(kill_oneself, range(3), processes=2))


def test_processes_end_with_their_parent(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        "import itertools, os, time\n"
        "from tinybert.running.parallel import ordered_map\n"
        "def name(number):\n    return os.getpid()\n"
        "if __name__ == '__main__':\n"
        "    results = ordered_map(name, itertools.count(), 2)\n"
        "    print(*{next(results) for _ in range(50)}, flush=True)\n"
        "    time.sleep(60)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, script], env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    workers = [int(worker) for worker in parent.stdout.readline().split()]
    assert workers
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 10
    while any(map(_lives, workers)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(_lives, workers))


def _lives(process: int) -> bool:
    """Whether it runs; one that has ended and that nobody has asked about (a zombie) doesn't."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{process}/stat")
    return not (status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z")
