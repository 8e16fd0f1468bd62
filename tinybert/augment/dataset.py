"""A task's training rows and their augmented copies, from Parquet to Parquet."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import lru_cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from transformers import PreTrainedTokenizerBase

from tinybert.augment.algorithm import Copy, Tally, vary
from tinybert.augment.candidates import MaskedWords
from tinybert.augment.neighbours import Neighbours, share_vectors
from tinybert.augment.report import Report, write_report
from tinybert.augment.words import split
from tinybert.models.loading import load_masked_lm, load_tokenizer
from tinybert.models.precision import choose, one_thread
from tinybert.params.tasks import Augment
from tinybert.running.bars import Bar
from tinybert.running.memory import keep_freed_memory
from tinybert.running.parallel import count_cores, ordered_map
from tinybert.running.results import Form, as_json, kept_results
from tinybert.tables.repeated import same_text
from tinybert.tokens.encoding import ORIGINAL

Texts = tuple[str, ...]
"""A text, or the two of a pair."""

PROCESS = 700 * 2**20
"""Bytes that a process is given besides the model: its libraries hold about 500 MB, the rest is a batch on its way."""
AT_ONCE = 1024
"""Copies under way together: enough for full batches, few enough that several processes have something to do."""


def augment(
    rows: Path,
    held_out: Sequence[Path],
    masked_lm: Path,
    vectors: Path,
    folder: Path,
    settings: Augment,
    seed: int,
    precision: str,
    max_length: int,
) -> Report:
    """Write the original rows and after them their augmented copies, row by row, with the labels of their originals.

    Copies equal to their original, those that are there already (same texts, same label), and those that say what a row
    to be scored on says (`same_text`), are dropped and counted. Copies are made and written a few thousand at a time;
    what stays in memory is the original rows, the texts held out, and a hash of each row written.

    Args:
        rows: Parquet with the columns `text`, `text_pair` (pairs only) and `label`. Of questions on contexts (see
            `tinybert.questions.prepare`) the questions alone are varied; everything else is carried over.
        held_out: Parquet of the validation rows and of the test rows.
        masked_lm: what adapt-mlm wrote.
        vectors: see `share_vectors`.
        folder: gets `train.parquet`, with the number of each row's original beside it, `report.json` and `report.md`.
        seed: used where the settings have none of their own.
        max_length: tokens of a row that the model sees, special ones among them.
    """
    originals = pq.read_table(rows).replace_schema_metadata(None)
    columns = [name for name in ("text", "text_pair") if name in originals.schema.names]
    label = originals.schema.field("label").type
    answers = pa.types.is_list(label) and pa.types.is_struct(label.value_type)
    sides = ["text"] if answers else columns  # those that are varied: not a context, since answers are counted in it
    texts = _texts(originals, sides)
    fixed = [text[len(sides) :] for text in _texts(originals, columns)]
    held = {same_text(text) for file in held_out for text in _texts(pq.read_table(file, columns=columns), columns)}
    labels = originals.drop_columns(sides).to_pylist()
    originals = originals.append_column(ORIGINAL, pa.array(range(len(originals)), pa.int64()))
    seen = set(map(_digest, texts, labels))
    report = Report(texts)

    def is_new(copy: Copy) -> bool:
        digest = _digest(copy.texts, labels[copy.row])
        if copy.texts == texts[copy.row]:
            fate = "unchanged"
        elif digest in seen:
            fate = "duplicates"
        elif same_text((*copy.texts, *fixed[copy.row])) in held:
            fate = "held_out"
        else:
            fate = "augmented"
            seen.add(digest)
            report.show(copy)
        report.tally["copies"] += 1
        report.tally[fate] += 1
        return fate == "augmented"

    with (
        pq.ParquetWriter(folder / "train.parquet", originals.schema) as writer,
        TemporaryDirectory(dir=folder) as shared,
    ):
        writer.write_table(originals)
        if settings.copies and texts:
            share_vectors(vectors, settings.vocabulary, Path(shared))
            models = _Models(masked_lm.resolve(), Path(shared).resolve(), settings, precision, max_length)
            seed = seed if settings.seed is None else settings.seed
            for copies in _copies(texts, models, seed, report.tally):
                kept = [copy for copy in copies if is_new(copy)]
                table = originals.take(pa.array([copy.row for copy in kept], pa.int64()))
                for side, name in enumerate(sides):
                    field = originals.schema.field(name)
                    column = pa.array([copy.texts[side] for copy in kept], field.type)
                    table = table.set_column(table.schema.get_field_index(name), field, column)
                writer.write_table(table)
    write_report(report, folder)
    return report


def _texts(table: pa.Table, columns: list[str]) -> list[Texts]:
    return list(zip(*(table[name].to_pylist() for name in columns), strict=True))


def _digest(texts: Texts, label: object) -> bytes:
    return hashlib.blake2b(repr((texts, label)).encode(), digest_size=16).digest()


class _Models(NamedTuple):
    """What suggests the words, by where it lies: a process loads the model for itself, once, and maps the vectors."""

    masked_lm: Path
    vectors: Path
    settings: Augment
    precision: str
    max_length: int


@lru_cache(maxsize=1)
def _load(models: _Models) -> tuple[PreTrainedTokenizerBase, MaskedWords, Neighbours]:
    keep_freed_memory()
    settings = models.settings
    tokenizer = load_tokenizer(models.masked_lm)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = load_masked_lm(models.masked_lm, choose(models.precision)).to(device)
    masked = MaskedWords(
        model, tokenizer, settings.candidates, models.max_length, settings.batch_size, settings.masks_per_pass
    )
    return tokenizer, masked, Neighbours(models.vectors, settings.candidates)


def _copies(texts: list[Texts], models: _Models, seed: int, tally: Tally) -> Iterator[list[Copy]]:
    """All copies of all rows, a few at a time and in order.

    The model is small and so are its batches: a core is used better by a process of its own than by a second thread.
    """
    copies = models.settings.copies
    step = max(1, AT_ONCE // copies)
    parts = [(first, texts[first : first + step]) for first in range(0, len(texts), step)]
    processes = 1 if torch.cuda.is_available() else min(count_cores(), len(parts), _affordable(models.masked_lm))

    def vary_from(first: int) -> Iterator[tuple[list[Copy], Tally]]:
        return ordered_map(partial(_vary, models, seed), parts[first:], processes)

    with (
        Bar(total=len(texts) * copies, unit=" copies", desc="  augment", mininterval=1) as bar,
        closing(kept_results("copies", vary_from, Form(_save, _load_copies), f"of {len(parts):,} parts")) as results,
    ):
        for varied, counts in results:
            bar.update(len(varied))
            tally.update(counts)
            yield varied


def _save(results: list[tuple[list[Copy], Tally]], folder: Path) -> None:
    """Copies that have come to their end: what is left of them is the row, the texts, and what changed."""
    parts = [[[[copy.row, copy.sides, sorted(copy.changed)] for copy in copies], tally] for copies, tally in results]
    as_json().save(parts, folder)


def _load_copies(folder: Path) -> list[tuple[list[Copy], Tally]]:
    return [
        ([Copy(row, sides, [], (), set(map(tuple, changed))) for row, sides, changed in copies], Tally(tally))
        for copies, tally in as_json().load(folder)
    ]


def _affordable(masked_lm: Path) -> int:
    """How many processes there is memory for, one at least; their number does not show in the result."""
    weights = sum(file.stat().st_size for file in masked_lm.glob("*.safetensors"))
    return max(1, int(psutil.virtual_memory().available // (PROCESS + 2 * weights)))


def _vary(models: _Models, seed: int, part: tuple[int, list[Texts]]) -> tuple[list[Copy], Tally]:
    """The copies of some rows, the first of them with its number; on one thread, whatever the number of processes."""
    first, texts = part
    settings, tally = models.settings, Tally()
    with one_thread():
        tokenizer, masked, neighbours = _load(models)
        sentences = split(tokenizer, texts)
        copies = vary(sentences, first, settings, seed, masked, neighbours, tally)
    return copies, tally
