"""How far files have been read: bytes of all bytes, and the time that is left."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from tqdm import tqdm


class ByteProgress:
    """A bar over several files that are read one after the other; compressed ones count as they lie on disk."""

    def __init__(self, files: list[Path]) -> None:
        self._sizes = [file.stat().st_size for file in files]
        self._before = 0
        name = files[0].name if len(files) == 1 else f"{len(files)} files"
        self._bar = tqdm(
            total=sum(self._sizes), desc=f"  {name}", unit="B", unit_scale=True, unit_divisor=1024, disable=None
        )

    def __enter__(self) -> ByteProgress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()

    def at(self, position: int) -> None:
        """The present file has been read up to this byte."""
        self._bar.update(self._before + position - self._bar.n)

    def next_file(self) -> None:
        """The present file has been read."""
        self._before += self._sizes.pop(0)
        self.at(0)
