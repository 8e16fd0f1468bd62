"""What is packed, or a member of an archive, as a stream that is no bomb: a few bytes that become terabytes."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any, Protocol, TypeVar, cast

from tinybert.errors import UserError

RATIO = 200
"""Bytes out of one byte in: far more than text gives, and far less than a bomb, which in gzip gives up to 1,030."""
PARQUET_RATIO = 2000
"""The same of Parquet, which may write the context of a hundred questions once."""
FLOOR = 256 << 20
"""Bytes up to which a ratio says nothing: so many do no harm."""
CHUNK = 1 << 20
ROWS = 4096
"""Of Parquet, that are read together; what is made of them is in memory before it is measured."""

READERS: dict[str, Callable[[IO[bytes]], Any]] = {
    ".gz": lambda raw: gzip.GzipFile(fileobj=raw),
    ".bz2": bz2.BZ2File,
    ".xz": lzma.LZMAFile,
}


class Sized(Protocol):
    """Rows in memory, as pyarrow's `RecordBatch`."""

    @property
    def nbytes(self) -> int:
        """Their bytes."""

    def validate(self, *, full: bool) -> None:
        """Look at their layout, and at the texts in them."""


Batch = TypeVar("Batch", bound=Sized)


class _Limited(io.RawIOBase):
    def __init__(self, stream: Any, packed: Callable[[], int], place: str) -> None:
        self.stream, self.packed, self.place = stream, packed, place

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.stream.tell()

    def readinto(self, buffer: Any) -> int:
        content = self.stream.read1(len(buffer))
        buffer[: len(content)] = content
        advice = "unpack it yourself, and name what was in it"
        _refuse_a_bomb(self.tell(), self.packed(), RATIO, self.place, advice)
        return len(content)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Forward by reading, so that what is skipped counts, too."""
        offset += {io.SEEK_SET: 0, io.SEEK_CUR: self.tell()}[whence]
        if offset < self.tell():
            self.stream.seek(offset)
        while (left := offset - self.tell()) > 0 and self.read(min(left, CHUNK)):
            pass
        return self.tell()


def _refuse_a_bomb(size: int, packed: int, ratio: int, place: str, advice: str) -> None:
    if size > FLOOR and size > ratio * packed:
        found = f"unpacks to over {size >> 20:,} MiB from {packed / 2**20:,.2f} MiB, as no data does"
        raise UserError(f"{place}: {found}; if you trust it, {advice}")


def limited_batches(batches: Iterable[Batch], file: Path) -> Iterator[Batch]:
    """The batches of a Parquet file, where a line that is written once may stand for millions of rows.

    Raises:
        UserError: on the way, as in `limited`.
        pa.ArrowInvalid: a text isn't UTF-8, which nobody looks at before it is read.
    """
    size, packed = 0, file.stat().st_size
    for batch in batches:
        size += batch.nbytes
        _refuse_a_bomb(size, packed, PARQUET_RATIO, f"{file}", "save it as .jsonl")
        batch.validate(full=True)
        yield batch


def limited(stream: IO[bytes], packed: Callable[[], int], place: str) -> IO[bytes]:
    """The stream of unpacked bytes, which ends in an error where they are far more than the packed ones.

    Args:
        packed: how many packed bytes the stream has taken by now, or will have taken in the end.
        place: how the error calls the file.

    Raises:
        UserError: while it is read, more than `FLOOR` bytes came out, and more than `RATIO` of each.
    """
    return cast(IO[bytes], io.BufferedReader(_Limited(stream, packed, place), CHUNK))


def unpacked(raw: IO[bytes], ending: str, place: str) -> IO[bytes]:
    """The bytes of an open file, unpacked on the way, within limits, where this ending says that it is packed.

    Raises:
        UserError: while it is read; see `limited`.
    """
    reader = READERS.get(ending)
    return limited(reader(raw), raw.tell, place) if reader else raw
