"""Questions on contexts and where their answers stand: SQuAD's own JSON, or rows of Parquet or JSON lines."""

from __future__ import annotations

import reprlib
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from tinybert.errors import UserError, suggest
from tinybert.tables.json_values import parse, require_whole
from tinybert.tables.read import read_text

FORMATS = (".json", ".jsonl", ".ndjson", ".parquet")
NOWHERE = -1
"""The start of an answer that does not stand in its context."""


class Answer(NamedTuple):
    """A part of a context, `context[start : start + len(text)]`; its start is -1 where it stands nowhere in it."""

    text: str
    start: int


class Question(NamedTuple):
    """One question and all its right answers; none where its context has none."""

    id: str
    question: str
    context: str
    answers: list[Answer]


class _Raw(NamedTuple):
    """A question as its file has it."""

    place: str
    id: str | None
    question: Any
    context: Any
    answers: Any


def read_questions(
    file: Path,
    columns: tuple[str, str, str],
    no_answer: bool,
    counts: dict[str, int],
    labelled: bool = True,
    before: int = 0,
) -> list[Question]:
    """The questions of a file, in its order.

    Questions lose line breaks and tabs; a context stays as it is, since places are counted in it. An answer that does
    not stand where the file says, but elsewhere in the context, is taken from the nearest such place, and counted as
    `repaired`. None is left out, since a scorer reads them all: neither a question without text, nor an answer that
    stands nowhere.

    Args:
        file: `{"data": [{"paragraphs": [{"context", "qas": [{"id", "question", "answers", "is_impossible"}]}]}]}`, or
            rows of Parquet or JSON lines with a column `id` and these `columns`. Where an id is null, or there is no
            such column, the question's number, from 1, takes its place.
        columns: of question, context and answers. Answers are `{"text": […], "answer_start": […]}`, or a list of
            `{"text", "answer_start"}`.
        no_answer: whether a question may have none; an answer without text is none then.
        counts: added to.
        labelled: whether there are answers at all.
        before: how many questions other files of the same set had; numbers run on.

    Raises:
        UserError: naming file and question; the file is none of these, a key is missing, or a question has no answer
            where each is to have one.
    """
    questions = [
        _question(raw if raw.id is not None else raw._replace(id=str(number)), no_answer, counts, labelled)
        for number, raw in enumerate(_read(file, columns, labelled), start=before + 1)
    ]
    if not questions:
        raise UserError(f"{file}: expected questions, found none")
    return questions


def _question(raw: _Raw, no_answer: bool, counts: dict[str, int], labelled: bool) -> Question:
    for key, value in (("question", raw.question), ("context", raw.context)):
        if not isinstance(value, str):
            raise UserError(f"{raw.place}: {key}: expected text, found {_short(value)}")
        require_whole(value, f"{raw.place}: {key}")
    identity, question, context = str(raw.id), " ".join(raw.question.split()), raw.context
    if not labelled:
        return Question(identity, question, context, [])
    answers = [answer for answer in _answers(raw) if answer.text.strip() or not no_answer]
    if not answers and not no_answer and question and context.strip():
        raise UserError(f"{raw.place}: it has no answer; set label.no_answer: true, or mend it")
    return Question(identity, question, context, [_placed(answer, context, counts) for answer in answers])


def _placed(answer: Answer, context: str, counts: dict[str, int]) -> Answer:
    """The answer where it stands, without spaces around it."""
    text = answer.text
    if text.strip() and answer.start >= 0 and context.startswith(text, answer.start):
        return Answer(text.strip(), answer.start + len(text) - len(text.lstrip()))
    text = text.strip()
    starts = [place for place in range(len(context)) if context.startswith(text, place)] if text else []
    if not starts:
        return Answer(text, NOWHERE)
    counts["repaired"] += 1
    return Answer(text, min(starts, key=lambda start: abs(start - answer.start)))


def _answers(raw: _Raw) -> list[Answer]:
    """The answers of either form."""
    value = raw.answers
    if isinstance(value, dict) and isinstance(value.get("text"), list) and isinstance(value.get("answer_start"), list):
        if len(value["text"]) != len(value["answer_start"]):
            raise UserError(f"{raw.place}: answers: expected as many answer_start as text, found {_short(value)}")
        pairs = list(zip(value["text"], value["answer_start"], strict=True))
    elif isinstance(value, list) and all(isinstance(item, dict) for item in value):
        pairs = [(item.get("text"), item.get("answer_start")) for item in value]
    else:
        raise UserError(f"{raw.place}: answers: expected a list of text and answer_start, found {_short(value)}")
    for text, start in pairs:
        if not isinstance(text, str) or type(start) is not int:
            found = f"{_short(text)}, {_short(start)}"
            raise UserError(f"{raw.place}: answers: expected a text and a whole answer_start, found {found}")
        require_whole(text, f"{raw.place}: answers")
    return [Answer(*pair) for pair in pairs]


def _read(file: Path, columns: tuple[str, str, str], labelled: bool) -> Iterator[_Raw]:
    name = file.name.removesuffix(".gz")
    if not name.endswith(FORMATS):
        raise UserError(f"{file}: expected questions in a file that ends in {', '.join(FORMATS)}")
    if name.endswith(".parquet"):
        yield from _flat(enumerate(_parquet(file, columns, labelled), start=1), file, columns, labelled, "row")
        return
    text = read_text(file)
    try:
        content = parse(text)
    except ValueError as error:
        if "\n" not in text.strip() or not isinstance(_first_line(text), dict):
            raise UserError(f"{file}: line {getattr(error, 'lineno', 1)}: not valid JSON: {error}") from None
        yield from _flat(_json_lines(text, file), file, columns, labelled, "line")
        return
    if isinstance(content, dict) and columns[0] in content:
        yield from _flat(iter([(1, content)]), file, columns, labelled, "line")
    else:
        yield from _nested(content, file, labelled)


def _nested(content: Any, file: Path, labelled: bool) -> Iterator[_Raw]:
    """SQuAD's own JSON."""
    numbers = count(1)
    for number, article in enumerate(_list(content, "data", f"{file}: "), start=1):
        for paragraph in _list(article, "paragraphs", f"{file}: article {number}: "):
            context = _get(paragraph, "context", f"{file}: article {number}: ")
            for question in _list(paragraph, "qas", f"{file}: article {number}: "):
                identity = _identity(_get(question, "id", f"{file}: article {number}: "), f"{file}: article {number}")
                place = f"{file}: question {_name(identity, next(numbers))}"
                impossible = question.get("is_impossible") is True
                answers = [] if impossible or not labelled else _get(question, "answers", f"{place}: ")
                yield _Raw(place, identity, _get(question, "question", f"{place}: "), context, answers)


def _flat(
    rows: Iterator[tuple[int, Any]], file: Path, columns: tuple[str, str, str], labelled: bool, unit: str
) -> Iterator[_Raw]:
    for number, row in rows:
        place = f"{file}: {unit} {number}: "
        question, context = (_get(row, column, place) for column in columns[:2])
        identity = _identity(row.get("id"), f"{file}: {unit} {number}")
        answers = _get(row, columns[2], place) if labelled else []
        yield _Raw(f"{file}: question {_name(identity, number)}", identity, question, context, answers)


def _parquet(file: Path, columns: tuple[str, str, str], labelled: bool) -> Iterator[Any]:
    needed = columns if labelled else columns[:2]
    try:
        with pq.ParquetFile(file) as table:
            names = table.schema_arrow.names
            for column in needed:
                if column not in names:
                    raise UserError(f"{file}: there is no column {column!r}{suggest(column, names)}")
            for batch in table.iter_batches(columns=[*needed, *(["id"] if "id" in names else [])]):
                yield from batch.to_pylist()
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        # ValueError and OverflowError: a cell that isn't UTF-8, or a time that Python doesn't know.
        raise UserError(f"{file}: damaged or no Parquet file: {' '.join(str(error).split())}") from None


def _json_lines(text: str, file: Path) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                yield number, parse(line)
            except ValueError as error:
                raise UserError(f"{file}: line {number}: not valid JSON: {error}") from None


def _first_line(text: str) -> Any:
    try:
        return parse(text.strip().split("\n")[0])
    except ValueError:
        return None


def _identity(value: Any, place: str) -> str | None:
    if isinstance(value, (list, dict)):
        raise UserError(f"{place}: id: expected text or a number, found {_short(value)}")
    identity = None if value is None else str(value)
    require_whole(identity or "", f"{place}: id")
    return identity


def _name(identity: str | None, number: int) -> str:
    """What a message calls a question."""
    return str(number) if identity is None else repr(identity)[1:-1][:60]


def _get(mapping: Any, key: str, place: str) -> Any:
    if not isinstance(mapping, dict) or key not in mapping:
        raise UserError(f"{place}expected {key!r}, as SQuAD's files have it, found {_short(mapping)}")
    return mapping[key]


def _list(mapping: Any, key: str, place: str) -> list[Any]:
    value = _get(mapping, key, place)
    if not isinstance(value, list):
        raise UserError(f"{place}{key}: expected a list, found {_short(value)}")
    return value


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return f"a mapping of {', '.join(repr(str(key))[1:-1][:60] for key in list(value)[:8]) or 'nothing'}"
    return reprlib.repr(value)
