"""Several processes: results in order, no more read than needed, nobody left behind."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from tests.import_closure import ROOT
from tinybert.errors import UserError
from tinybert.running.parallel import ordered_map

PARENT = """
import itertools, os, time
from tinybert.running.parallel import ordered_map

def name(number):
    return os.getpid()

if __name__ == '__main__':
    results = ordered_map(name, itertools.count(), 2)
    print(*{next(results) for _ in range(50)}, flush=True)
    time.sleep(60)
"""


def square(number):
    time.sleep(0.02 if number % 3 == 0 else 0)
    return number * number


def kill_oneself(number):
    os.kill(os.getpid(), signal.SIGKILL)


def test_order_lookahead_and_a_mistake_after_the_results_before_it():
    taken = []

    def numbers():
        for number in range(50):
            taken.append(number)
            yield number
        raise UserError("cut off")

    results = ordered_map(square, numbers(), processes=2)
    assert [next(results) for _ in range(5)] == [0, 1, 4, 9, 16]
    assert len(taken) < 15
    assert [next(results) for _ in range(45)] == [number * number for number in range(5, 50)]
    with pytest.raises(UserError, match="cut off"):
        next(results)


def test_a_killed_process_is_told():
    with pytest.raises(UserError, match="was killed"):
        list(ordered_map(kill_oneself, range(3), processes=2))


def test_processes_end_with_their_parent(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, script], env=environment, stdout=subprocess.PIPE, text=True) as parent:
        workers = [psutil.Process(int(worker)) for worker in parent.stdout.readline().split()]
        parent.kill()

    def alive():
        return [worker for worker in workers if worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE]

    assert workers
    deadline = time.monotonic() + 10
    while alive() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert alive() == []
