"""A stream of work over several processes: results in order, in bounded memory, and no process outlives its parent."""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from typing import Any, TypeVar

from tinybert.errors import UserError

Item = TypeVar("Item")
Result = TypeVar("Result")

AHEAD = 3
"""Items a process that are read before the first result is taken."""


def count_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def ordered_map(function: Callable[[Item], Result], items: Iterable[Item], processes: int) -> Iterator[Result]:
    """`map(function, items)`, in `processes` processes when there are more than one; items are taken as needed.

    Args:
        function: of a module, so that it can be sent to a process.
        items: an exception of theirs is raised once the results before it have been given out.
        processes: spawned, not forked, since a fork of a process with running threads can deadlock.

    Raises:
        UserError: a process was killed.
    """
    if processes == 1:
        yield from map(function, items)
        return
    pool = ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=follow_parent)
    waiting: deque[Future[Result]] = deque()
    try:
        for future in _submit(pool, function, items):
            waiting.append(future)
            if len(waiting) == AHEAD * processes:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool:
        raise UserError("one of several processes was killed; is the memory full? run it again") from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _submit(pool: ProcessPoolExecutor, function: Callable[..., Any], items: Iterable[Any]) -> Iterator[Future[Any]]:
    try:
        for item in items:
            yield pool.submit(function, item)
    except Exception as error:
        failed: Future[Any] = Future()
        failed.set_exception(error)
        yield failed


def follow_parent() -> None:
    """End when the parent ends, however it does; leave Ctrl-C to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    assert parent is not None

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
