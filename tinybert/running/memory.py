"""What a process holds of the machine's memory, and what it keeps of it between steps."""

from __future__ import annotations

import ctypes
import resource

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""The options' numbers in glibc's malloc.h."""
LARGE = 2**30
"""Bytes: above every tensor of a training step of a BERT, and within the `int` that mallopt takes."""


def keep_freed_memory() -> None:
    """Have malloc keep what is freed, up to a gibibyte, for the next allocation, from now on in this process.

    By default glibc maps each block of more than 32 MiB anew and gives it back when it is freed, so every step pays
    again for the same gradients and activations, which the system clears page by page. A step asks for about what the
    one before it freed, so the peak stays as it is. Where the C library has no mallopt, or refuses (glibc before
    2.35), nothing changes.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, TypeError, AttributeError):  # Windows has no `None`, musl and macOS no mallopt
        return
    if mallopt(M_MMAP_THRESHOLD, LARGE):
        mallopt(M_TRIM_THRESHOLD, LARGE)


def peak_memory() -> int:
    """The most bytes that this process has held; where it had others work for it, the largest of those added."""
    kibibytes = sum(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return kibibytes * 1024
