"""A corpus: Parquet shards of documents, in row groups of about 1 MB of text that later stages read in parallel."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
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
        How many documents and characters there are; what a word is depends on the script.

    Raises:
        UserError: there are no documents.
    """
    counts = {"documents": 0, "characters": 0}
    number, filled = 0, shard
    with ExitStack() as opened:
        for rows, size in groups(documents, group):
            if filled >= shard:
                opened.close()
                file = folder / f"{number:05d}.parquet"
                writer = opened.enter_context(pq.ParquetWriter(file, SCHEMA, compression="zstd"))
                number, filled = number + 1, 0
            titles, texts = zip(*rows, strict=True)
            writer.write_table(pa.table([titles, texts], schema=SCHEMA))
            filled += size
            counts["documents"] += len(rows)
            counts["characters"] += sum(map(len, texts))
    if not counts["documents"]:
        raise UserError("the corpus has no document left; check its files, and what was dropped as too short")
    return counts


def groups(documents: Iterable[tuple[str, str]], limit: int) -> Iterator[tuple[list[tuple[str, str]], int]]:
    """Documents until their texts have `limit` bytes, and how many these are."""
    rows: list[tuple[str, str]] = []
    size = 0
    for document in documents:
        rows.append(document)
        size += len(document[1].encode())
        if size >= limit:
            yield rows, size
            rows, size = [], 0
    if rows:
        yield rows, size
