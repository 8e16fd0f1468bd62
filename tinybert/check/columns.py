"""Which columns of a table are its texts, and which is the label: by what they are called, and what is in them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from tinybert.errors import UserError, suggest
from tinybert.tasks.labels import NUMBER

LOOKED_AT = 5000
"""Rows, drawn from all, on which a column is judged."""
TEXTS = ("text", "sentence", "review", "reviewtext", "comment", "commenttext", "tweet", "message", "body", "content",
         "question", "query", "utterance", "abstract", "description", "document", "post")  # fmt: skip
LABELS = ("label", "goldlabel", "class", "target", "category", "sentiment", "polarity", "intent", "emotion", "topic",
          "stars", "rating", "score", "similarity", "quality", "labels", "tags", "genres", "isduplicate", "spam", "y",
          "labeltext", "annotation", "outcome", "tag", "genre", "grade", "airlinesentiment")  # fmt: skip
"""What such columns are called, letters and digits only; the first is the surest."""
PAIRS = (("premise", "hypothesis"), ("question", "sentence"), ("question", "answer"), ("question", "context"),
         ("question", "passage"), ("query", "document"), ("query", "passage"), ("query", "title"),
         ("text", "textpair"), ("claim", "evidence"), ("headline", "body"))  # fmt: skip
ALIKE = 2
"""Two columns of text of which neither is called so are a pair where their lengths differ by no larger factor."""
OF_ROWS = {"id", "uuid", "index", "idx", "no", "number", "date", "time", "timestamp", "url", "link", "user", "author",
           "file", "filename", "name", "year"}  # fmt: skip
"""Last words of what columns are called that tell of a row, and are no label."""
DATE = re.compile(r"\d{4}[-/.]\d\d?[-/.]\d\d?([T ].*)?|\d\d?[-/.]\d\d?[-/.]\d{2,4}( .*)?")


class Column(NamedTuple):
    """What is known of a column; shares and means are of its cells that aren't empty."""

    name: str
    filled: float
    """The share of rows that have something there."""
    distinct: int
    different: float
    """`distinct` as a share of the cells that aren't empty."""
    numbers: float
    dates: float
    words: float
    characters: float
    flags: bool
    """Whether all cells are 0 or 1."""

    @property
    def plain(self) -> str:
        """Its name in letters and digits only."""
        return "".join(filter(str.isalnum, self.name.casefold()))

    @property
    def of_rows(self) -> bool:
        """Whether it is called as what only tells rows apart."""
        words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+", self.name)
        return bool(words) and words[-1].casefold() in OF_ROWS

    @property
    def is_text(self) -> bool:
        """Whether there are sentences in it, or something as long."""
        if self.numbers > 0.5 or self.dates > 0.5 or self.distinct < 2:
            return False
        return (self.words > 2 or self.characters > 40) and (self.distinct > 100 or self.different > 0.2)


class Roles(NamedTuple):
    """Names of the columns, and what else they could have been."""

    text: list[str]
    label: list[str]
    """Several where each is 0 or 1."""
    other_texts: list[str]
    other_labels: list[str]


def find_roles(frame: pd.DataFrame, texts: Sequence[str], labels: Sequence[str], file: Path) -> Roles:
    """
    Args:
        texts, labels: columns that the user names; those that are empty are found.

    Raises:
        UserError: a column that is named isn't there, or none looks like a text or a label.
    """
    for name in (*texts, *labels):
        if name not in frame.columns:
            raise UserError(f"{file}: there is no column {name!r}{suggest(name, frame.columns)}")
    if twice := sorted(set(texts) & set(labels)):
        raise UserError(f"{file}: {twice[0]!r} can't be both text and label; name another column")
    if len(texts) > 2:
        raise UserError(f"{file}: expected one column of texts, or two for pairs, found {', '.join(texts)}")
    columns = {name: _look(frame[name]) for name in frame.columns}
    text, other_texts = list(texts), list[str]()
    if not texts:
        text, other_texts = _find_texts({name: each for name, each in columns.items() if name not in labels})
    if not text:
        advice = "name it by --text"
        raise UserError(f"{file}: no column looks like text among {', '.join(columns)}; {advice}")
    label, other_labels = list(labels), list[str]()
    if not labels:
        label, other_labels = _find_label({name: each for name, each in columns.items() if name not in text})
    if not label:
        others = ", ".join(name for name in columns if name not in text) or "nothing"
        found = f"no column looks like a label beside the text in {text[0]!r}: found {others}"
        raise UserError(f"{file}: {found}; name it by --label, or add a column of labels")
    return Roles(text, label, other_texts, other_labels)


def _look(cells: pd.Series) -> Column:
    cells = cells.str.strip()
    filled = cells[cells != ""]
    known = filled.drop_duplicates()
    sample = filled.sample(LOOKED_AT, random_state=0) if len(filled) > LOOKED_AT else filled
    count = max(1, len(sample))
    return Column(
        name=str(cells.name),
        filled=len(filled) / max(1, len(cells)),
        distinct=len(known),
        different=len(known) / max(1, len(filled)),
        numbers=sum(bool(NUMBER.fullmatch(cell.replace(",", ".", 1))) for cell in sample) / count,
        dates=sum(bool(DATE.fullmatch(cell)) for cell in sample) / count,
        words=sum(len(cell.split()) for cell in sample) / count,
        characters=sum(_width(cell) for cell in sample) / count,
        flags=set(known) <= {"0", "1", "0.0", "1.0", "true", "false", "True", "False"},
    )


def _width(cell: str) -> int:
    """Characters, those of scripts that put whole words into one or two counted as three."""
    return sum(3 if "\u2e80" <= character <= "\ud7ff" else 1 for character in cell[:1000])


def _find_texts(columns: Mapping[str, Column]) -> tuple[list[str], list[str]]:
    """The column of texts, or the two of pairs; and other columns with sentences in them."""
    of_text = [each for each in columns.values() if each.is_text]
    if not of_text:  # texts as short as labels: whatever differs most from row to row, and is no number
        of_text = [each for each in columns.values() if each.numbers < 0.5 and each.dates < 0.5 and each.distinct > 1]
        of_text = [each for each in of_text if each.plain in TEXTS] or [
            each for each in of_text if each.different > 0.2 and not each.of_rows and _rank(each) < 0
        ]
    names = [each.name for each in of_text]
    for pair in _pairs(of_text):
        return pair, [name for name in names if name not in pair]
    called = sorted((each for each in of_text if each.plain in TEXTS), key=lambda each: TEXTS.index(each.plain))
    longest = sorted(of_text, key=lambda each: -each.characters)
    if len(of_text) == 2 and not called and longest[0].characters <= ALIKE * longest[1].characters:
        return names, []
    chosen = (called or longest)[:1]
    return [each.name for each in chosen], [name for name in names if name not in [each.name for each in chosen]]


def _pairs(columns: Sequence[Column]) -> list[list[str]]:
    """Columns that are called the two sides of a pair, as sentence1 and sentence2; the shortest names first."""
    found = []
    for first in columns:
        for second in columns:
            sides = first.plain, second.plain
            numbered = [re.sub("[12]", "#", side, count=1) for side in sides]
            lettered = [re.sub("[ab]$", "#", side) for side in sides]
            alike = any(one == other and "#" in one for one, other in (numbered, lettered)) and sides[0] < sides[1]
            if alike or sides in PAIRS:
                found.append([first.name, second.name])
    return sorted(found, key=lambda pair: len(pair[0]))


def _find_label(columns: Mapping[str, Column]) -> tuple[list[str], list[str]]:
    """The column of the label, or several of 0 and 1; and others that could be it."""
    votes = {name: _vote(each) for name, each in columns.items()}
    order = sorted(votes, key=lambda name: -votes[name])
    able = [name for name in order if votes[name] > 0]
    flags = [each.name for each in columns.values() if each.flags and each.distinct > 1]
    if len(flags) > 2 and (not able or _rank(columns[able[0]]) < 0):
        return flags, [name for name in able if name not in flags]
    return able[:1], able[1:]


def _rank(column: Column) -> int:
    """Its place from the end of `LABELS`, −1 for one that isn't called so."""
    return len(LABELS) - LABELS.index(column.plain) if column.plain in LABELS else -1


def _vote(column: Column) -> float:
    """How much speaks for a column's being the label; above 0 it may be."""
    if not column.distinct or column.filled < 0.02:
        return 0.0
    votes = 10.0 + _rank(column) if column.plain in LABELS else 0.0
    votes += 4 * (not votes and any(name in column.plain for name in LABELS[:20]))
    votes += 3 * (2 <= column.distinct <= 1000 and column.different <= 0.34) + (column.flags and column.distinct > 1)
    votes += 1 * (column.numbers > 0.9 and column.different < 0.9)
    votes -= 4 * (column.filled < 0.5) + 5 * (column.is_text and column.words > 4) + 8 * (column.dates > 0.5)
    if column.plain not in LABELS:
        votes -= 8 * column.of_rows + 5 * (column.distinct < 2)
        votes -= 8 * (column.different > 0.9 and column.distinct > 20)
    return votes
