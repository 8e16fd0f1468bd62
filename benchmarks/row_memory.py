"""What a task's rows take of a process while they are read and turned into tokens: bytes of a word."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.paper_rows import PIECES

LETTERS, ENDING = "abcdefghijklmnopqrstuvwxyz", "ed"
"""Of words of five letters; the ending, which some have, is a piece of its own."""
CHUNK = 1000
"""Rows that are made at once: few, so that making them is not what is measured."""


def main(
    rows: Annotated[int, typer.Option(help="pairs of texts", min=10 * CHUNK)] = 200_000,
    words: Annotated[int, typer.Option(help="of a pair, half of them of each text", min=2)] = 30,
) -> None:
    """The peak of a process that has read these rows, and of itself after a few rows, in bytes of a word."""
    import pandas as pd
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter
    from transformers import BertTokenizer

    from tinybert.running.memory import peak_memory
    from tinybert.tokens.encoding import encode

    draw = random.Random(0)
    stems = sorted({"".join(draw.choices(LETTERS, k=5)) for _ in range(5000)})
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *stems, f"##{ENDING}"]
    tokenizer = BertTokenizer(vocab={piece: number for number, piece in enumerate(pieces)})

    def texts() -> Iterator[str]:
        while True:
            drawn = draw.choices(stems, k=words // 2)
            yield " ".join(stem + ENDING * (draw.random() < PIECES - 1) for stem in drawn)

    peaks = []
    with tempfile.TemporaryDirectory() as folder:
        file, source = Path(folder) / "rows.parquet", texts()
        for count in (CHUNK, rows):
            schema = pa.schema([("text", pa.string()), ("text_pair", pa.string()), ("label", pa.int64())])
            with ParquetWriter(file, schema) as writer:
                for _ in range(0, count, CHUNK):
                    columns = [[next(source) for _ in range(CHUNK)] for _ in range(2)]
                    writer.write_table(pa.table([*columns, [0] * CHUNK], schema=schema))
            dataset = encode(tokenizer, pd.read_parquet(file), max_length=2 * words)
            peaks.append(peak_memory())
    few, many = peaks
    tokens = sum(dataset["length"]) / len(dataset)
    print(f"{len(dataset):,} rows of {words // 2 * 2} words, {tokens:.1f} tokens: {(many - few) / 2**20:,.0f} MiB")
    print(f"{(many - few) / (rows - CHUNK) / (words // 2 * 2):.1f} bytes of a word, beside {few / 2**30:.2f} GiB")


if __name__ == "__main__":
    typer.run(main)
