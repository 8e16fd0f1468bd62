import json
import os
import subprocess
import sys

import pytest

from tinybert.check.dead_locks import RWLOCK, find_dead_locks


@pytest.fixture
def left(tmp_path):
    """A function that writes what a DVC left."""
    (tmp_path / RWLOCK).parent.mkdir(parents=True)

    def write(text):
        (tmp_path / RWLOCK).write_text(text)
        return list(find_dead_locks(tmp_path))

    return write


def _held(pid):
    entry = {"pid": pid, "cmd": "dvc repro"}
    return json.dumps({"write": {"models": entry}, "read": {"data": [entry]}})


def test_where_nothing_is_left_nothing_is_said(tmp_path, left):
    assert list(find_dead_locks(tmp_path)) == []
    assert left("{}") == []


@pytest.mark.parametrize("text", ["", '{"write": {"mod'])
def test_a_file_that_is_cut_off_has_to_go(left, text):
    (line,) = left(text)
    assert "cut off, by a dvc that was killed; `rm " in line


def test_of_dead_processes_dvc_itself_takes_care(left):
    done = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    assert left(_held(int(done.stdout))) == []


def test_another_process_of_that_number_is_none_of_dvcs(left):
    (line,) = left(_held(os.getpid()))
    assert f"process {os.getpid()} is no dvc any more" in line


WHOLE = """\
schema: '2.0'
stages:
  prepare-task@movies:
    cmd: python -m stages.prepare_task movies
    deps:
    - path: data/sources/movies
      md5: ed1514ae275b853c2a21f0d7c622f6b3.dir
"""


@pytest.mark.parametrize("end", ["stages", "  prepare-task@movies:", "    deps:", "    - path", "<<<<<<< HEAD"])
def test_a_lock_that_is_cut_off_has_to_go(tmp_path, end):
    """As far as DVC refuses it; with fewer stages, or fewer of their inputs, it runs those again."""
    lock = tmp_path / "dvc.lock"
    lock.write_text(WHOLE)
    assert list(find_dead_locks(tmp_path)) == []
    for left in ("", WHOLE.partition(end)[0] + end):
        lock.write_text(left)
        (line,) = find_dead_locks(tmp_path)
        assert "`git checkout dvc.lock`, or `rm dvc.lock`" in line
