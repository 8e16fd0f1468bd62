"""What a stage holds of the machine's memory, and what it keeps of it between steps."""

from __future__ import annotations

import ctypes
import resource
import sys
import time
from threading import Thread

import psutil

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""The options' numbers in glibc's malloc.h."""
LARGE = 2**30
"""Bytes: above every tensor of a training step of a BERT, and within the `int` that mallopt takes."""


def keep_freed_memory() -> None:
    """Have malloc keep what is freed, up to a gibibyte, for the next allocation, from now on in this process.

    By default glibc maps each block of more than 32 MiB anew and gives it back when it is freed, so every step pays
    again for the same gradients and activations. A step asks for about what the one before it freed, so the peak stays
    as it is. Where the C library has no mallopt, or refuses (glibc before 2.35), nothing changes.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, TypeError, AttributeError):  # Windows has no `None`, musl and macOS no mallopt
        return
    if mallopt(M_MMAP_THRESHOLD, LARGE):
        mallopt(M_TRIM_THRESHOLD, LARGE)


def peak_memory() -> int:
    """The most bytes that this process alone has held."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


class MemoryWatch(Thread):
    """Measures the most that this process and those that work for it have held together, from its making on."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.together = 0
        self.start()

    def run(self) -> None:
        """Look each second: what a process holds alone is known without it, so that only others are worth the time."""
        this = psutil.Process()
        while True:
            if others := this.children(recursive=True):
                self.together = max(self.together, sum(map(_held, [this, *others])))
            time.sleep(1)

    def peak(self) -> int:
        """Bytes, until now."""
        return max(self.together, peak_memory())


def _held(process: psutil.Process) -> int:
    """Bytes; where the system tells (Linux), pages that several processes share count in equal parts with each."""
    try:
        memory = process.memory_full_info()
    except psutil.Error:  # it has ended since
        return 0
    return getattr(memory, "pss", memory.rss)
