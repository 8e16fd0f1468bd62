"""Files as people bring them, as disks and editors break them, and what is to become of each: a result or a line."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import strategies as st

from tinybert.running.outputs import explain

SECONDS = 5.0
"""Of the processor, that one small file may take. Most take a thousandth."""
ROOM = 2 << 30
"""Bytes of address space that one small file may take."""

ODD = (
    "\0", "\r", "\n", "\r\n", "\t", '"', "'", "\\", ",", ";", "|", "\ufeff", "\u2028", "\x85", "\x0b", "\x1c",
    "\u200b", "\u202e", "\ufffd", "\U0001f600", "e\u0301", "\uffff", "{", "}", "[", "]", "<", ">", "&", "&#",
    "&#xD800;", "\\ud83d", "-", "1e999", "NaN", "9" * 5000, "[" * 3000, "(" * 500, "a" * 70_000, "null", "true", "0",
    "-1", " ", "\x1a", "\x1b[31m",
)  # fmt: skip
"""What editors, programs and other people's files put where it isn't expected."""

words = st.sampled_from(["good", "bad", "the film", "größer", "好", "", " ", "1", "0", "0.5", "-1e5", "NA", "007", '"'])


def mostly(usual: st.SearchStrategy, odd: st.SearchStrategy) -> st.SearchStrategy:
    """Three of the one to one of the other: what is odd everywhere is refused for the first oddity."""
    return st.integers(0, 3).flatmap(lambda number: usual if number else odd)


texts = mostly(st.text(max_size=12) | words, st.sampled_from(ODD))


@st.composite
def broken(draw: st.DrawFn, whole: st.SearchStrategy[bytes]) -> bytes:
    """The bytes of a sound file, some of them cut off, turned, doubled, or with something odd among them."""
    content = draw(whole)
    for _ in range(draw(st.sampled_from([0, 0, 1, 1, 2, 3]))):
        at = draw(st.integers(0, len(content)))
        match draw(st.sampled_from(["cut", "turn", "put", "double", "drop", "replace"])):
            case "cut":
                content = content[:at]
            case "turn" if at < len(content):
                content = content[:at] + bytes([content[at] ^ 1 << draw(st.integers(0, 7))]) + content[at + 1 :]
            case "put":
                odd = st.sampled_from(ODD).map(str.encode) | st.binary(min_size=1, max_size=8)
                content = content[:at] + draw(odd) + content[at:]
            case "double":
                content = content[:at] + content[at : at + 200] * draw(st.integers(2, 50)) + content[at:]
            case "drop":
                content = content[:at] + content[at + draw(st.integers(1, 40)) :]
            case "replace" if content:
                part = content[at : at + draw(st.integers(1, 4))]
                content = content.replace(part, draw(st.binary(max_size=4)), 3) if part else content
    return content


@contextmanager
def room(size: int = ROOM) -> Iterator[None]:
    """So much memory more than is taken by now, as a limit of the system's: what is asked for above it fails."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


@contextmanager
def users_depth() -> Iterator[None]:
    """Calls in each other end where Python has them end, at 1,000; hypothesis allows more."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(1000)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def seconds_of(read: Callable[[], object]) -> float:
    """Of the processor, in which reading ends, in a result or in an error that a user sees as one line."""
    start = time.process_time()
    try:
        with room(), users_depth():
            read()
    except Exception as error:
        if (line := explain(error)) is None:
            raise
        assert len(line.splitlines()) == 1, line
        assert len(line) < 5000, line
    return time.process_time() - start


def seconds_to_read(name: str, content: bytes, read: Callable[[Path], object]) -> float:
    """The same of a file of this name, in a folder of its own."""
    with TemporaryDirectory() as folder:
        file = Path(folder, name)
        file.write_bytes(content)
        return seconds_of(lambda: read(file))
