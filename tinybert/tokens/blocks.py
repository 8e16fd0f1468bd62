"""A corpus as fixed-length blocks of tokens: made once, kept under the hash of their inputs, memory-mapped."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from datasets import Dataset
from transformers import PreTrainedTokenizerBase

from tinybert.errors import UserError
from tinybert.running.bars import Bar
from tinybert.running.caches import cache_entry, has_to_make
from tinybert.running.digests import digest
from tinybert.running.outputs import whole_file
from tinybert.running.parallel import count_cores, ordered_map
from tinybert.tokens.encoding import tokenizer_rules

CACHE = Path(".cache/blocks")


def corpus_blocks(corpus: Path, tokenizer: PreTrainedTokenizerBase, max_length: int, cache: Path = CACHE) -> Dataset:
    """Blocks of exactly `max_length` tokens, [CLS] … [SEP], in the corpus's order, as column `input_ids`.

    The documents of a row group run into each other, so that no token but a group's last few is lost and no block
    holds padding. Row groups are tokenised in several processes; their number does not show in the result. UserError
    where the corpus holds less than one block.
    """
    ends = tokenizer.cls_token_id, tokenizer.sep_token_id
    made_of = [digest(Path(__file__)), digest(corpus), tokenizer_rules(tokenizer), ends, max_length]
    file = cache_entry(cache, made_of, ".arrow")
    if has_to_make(file):
        _write_blocks(corpus, tokenizer, max_length, file)
    blocks = Dataset.from_file(str(file))
    if not len(blocks):
        raise UserError(
            f"{corpus}: less than one block of {max_length} tokens; take a larger corpus or a smaller max_length"
        )
    return blocks


def _write_blocks(corpus: Path, tokenizer: PreTrainedTokenizerBase, max_length: int, file: Path) -> None:
    groups = list_row_groups(corpus)
    schema = pa.schema({"input_ids": pa.list_(pa.int32())})
    tokenise = partial(_group_blocks, tokenizer=tokenizer, max_length=max_length)
    with (
        whole_file(file) as partial_file,
        pa.OSFile(str(partial_file), "wb") as sink,
        pa.ipc.new_stream(sink, schema) as writer,
    ):
        groups_of_blocks = ordered_map(tokenise, groups, min(count_cores(), len(groups)))
        for blocks in Bar(groups_of_blocks, total=len(groups), desc="  tokenising the corpus", unit="group"):
            starts = np.arange(0, blocks.size + 1, max_length, dtype=np.int32)
            rows = pa.ListArray.from_arrays(starts, blocks.ravel())
            writer.write_batch(pa.record_batch([rows], schema=schema))


def _group_blocks(group: tuple[Path, int], tokenizer: PreTrainedTokenizerBase, max_length: int) -> np.ndarray:
    """Blocks (count, max_length), int32, of one row group; the last few tokens that don't fill a block are left out."""
    texts = read_texts(*group)
    encoded = tokenizer(
        texts, add_special_tokens=False, return_attention_mask=False, return_token_type_ids=False, verbose=False
    )
    stream = np.fromiter((token for ids in encoded["input_ids"] for token in ids), dtype=np.int32)
    inner = max_length - 2
    count = len(stream) // inner
    blocks = stream[: count * inner].reshape(count, inner)
    return np.pad(blocks, ((0, 0), (1, 1)), constant_values=((0, 0), (tokenizer.cls_token_id, tokenizer.sep_token_id)))


def list_row_groups(folder: Path) -> list[tuple[Path, int]]:
    """All (file, row group) of a corpus in the order of its documents: the units of work for `read_texts`."""
    return [
        (file, group)
        for file in sorted(folder.glob("*.parquet"))
        for group in range(pq.read_metadata(file).num_row_groups)
    ]


def read_texts(file: Path, row_group: int) -> list[str]:
    """The documents' texts of one row group; paragraphs are lines."""
    with pq.ParquetFile(file) as parquet:
        return parquet.read_row_group(row_group, columns=["text"]).column("text").to_pylist()
