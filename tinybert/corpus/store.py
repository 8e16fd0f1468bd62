"""A corpus: Parquet shards of documents, in row groups of about 1 MB of text that later stages read in parallel."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tinybert.errors import UserError

SCHEMA = pa.schema([("title", pa.string()), ("text", pa.string())])

SHARD = 100 << 20
GROUP = 1 << 20
"""Bytes of text, about: what fills a shard, and a row group."""


def write_documents(
    documents: Iterable[tuple[str, str]], folder: Path, shard: int = SHARD, group: int = GROUP
) -> dict[str, int]:
    """Write (title, text) pairs to `folder` as `00000.parquet` and so on, in constant memory.

    Returns:
        How many documents, words (between white space) and characters there are.

    Raises:
        UserError: there are no documents.
    """
    counts = {"documents": 0, "words": 0, "characters": 0}
    numbers = count()
    writer: pq.ParquetWriter | None = None
    rows: list[tuple[str, str]] = []
    in_group = in_shard = 0

    def flush() -> None:
        nonlocal writer, in_group
        if writer is None:
            writer = pq.ParquetWriter(folder / f"{next(numbers):05d}.parquet", SCHEMA, compression="zstd")
        titles, texts = zip(*rows, strict=True)
        writer.write_table(pa.table([titles, texts], schema=SCHEMA))
        rows.clear()
        in_group = 0

    try:
        for title, text in documents:
            rows.append((title, text))
            size = len(text.encode())
            in_group += size
            in_shard += size
            counts["documents"] += 1
            counts["words"] += len(text.split())
            counts["characters"] += len(text)
            if in_group >= group:
                flush()
            if in_shard >= shard and writer is not None and not rows:
                writer.close()
                writer, in_shard = None, 0
        if rows:
            flush()
    finally:
        if writer is not None:
            writer.close()
    if not counts["documents"]:
        raise UserError("the corpus has no document left; check its files, and what was dropped as too short")
    return counts
