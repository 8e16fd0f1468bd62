"""What a stage holds: in processes of their own, since neither the allocator nor a peak can be set back."""

import platform
import subprocess
import sys
from pathlib import Path

import pytest

FAULTS = """
import resource, sys, torch
from tinybert.running.memory import keep_freed_memory

if sys.argv[1] == "keep":
    keep_freed_memory()
for step in range(30):
    if step == 20:  # until then it grows: a freed block and one to be aligned anew don't match at once
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(2**24)  # 64 MiB: 16,384 pages
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) // 10)
"""
TOGETHER = """
import psutil, subprocess, sys
from tinybert.running.memory import MemoryWatch

watch = MemoryWatch()
hold = "import time; held = b'x' * 2**27; time.sleep(4)"
workers = [subprocess.Popen([sys.executable, "-c", hold]) for _ in range(2)]
for worker in workers:
    worker.wait()
print(psutil.Process().memory_info().rss // 2**20, watch.together // 2**20)
"""


def run(code, *arguments):
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc's mallopt")
def test_what_is_allocated_again_is_not_paid_for_again():
    (given_back,), (kept,) = run(FAULTS, "give"), run(FAULTS, "keep")
    assert int(kept) < 0.1 * int(given_back)


def test_memory_is_that_of_all_processes_together():
    alone, together = map(int, run(TOGETHER))
    assert alone + 2 * 128 - 32 < together < alone + 2 * 128 + 64
