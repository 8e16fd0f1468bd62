"""Questions on contexts and where their answers stand: SQuAD's own JSON, or rows of Parquet or JSON lines."""

from __future__ import annotations

import reprlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from tinybert.errors import UserError
from tinybert.tables.json_rows import read_objects
from tinybert.tables.json_values import parse, require_whole
from tinybert.tables.read import read_parquet, read_text

Kind = TypeVar("Kind")

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


def read_questions(
    file: Path,
    columns: Sequence[str],
    no_answer: bool,
    counts: dict[str, int],
    labelled: bool = True,
    before: int = 0,
) -> list[Question]:
    """The questions of a file, in its order.

    Questions lose line breaks and tabs; a context stays as it is, since places are counted in it. An answer that stands
    not where the file says, but elsewhere in the context, is taken from the nearest such place, and counted as
    `repaired`. A question without text and an answer that stands nowhere are kept, since a scorer reads them all.

    Args:
        file: `{"data": [{"paragraphs": [{"context", "qas": [{"id", "question", "answers", "is_impossible"}]}]}]}`, or
            rows of Parquet or JSON with a column `id` and these `columns`. Where an id is null, or there is no
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
    questions = []
    for number, row in enumerate(_rows(file, columns, labelled), start=1):
        identity = row.get("id")
        place = f"{file}: question {number if identity is None else repr(str(identity))[1:-1][:60]}"
        question, context = (_get(row, column, place, str) for column in columns[:2])
        answers = _answers(row, columns[2], place) if labelled else []
        require_whole("".join([str(identity), question, context, *(answer.text for answer in answers)]), place)
        if no_answer:
            answers = [answer for answer in answers if answer.text.strip()]
        elif labelled and not answers and question.strip() and context.strip():
            raise UserError(f"{place}: it has no answer; set label.no_answer: true, or mend it")
        placed = [_placed(answer, context, counts) for answer in answers]
        identity = str(before + number if identity is None else identity)
        questions.append(Question(identity, " ".join(question.split()), context, placed))
    if not questions:
        raise UserError(f"{file}: expected questions, found none")
    return questions


def _placed(answer: Answer, context: str, counts: dict[str, int]) -> Answer:
    """The answer where it stands, without spaces around it."""
    text = answer.text
    if text.strip() and answer.start >= 0 and context.startswith(text, answer.start):
        return Answer(text.strip(), answer.start + len(text) - len(text.lstrip()))
    text, start = text.strip(), max(answer.start, 0)
    starts = (context.rfind(text, 0, start + len(text)), context.find(text, start)) if text else ()
    nearest = min((found for found in starts if found >= 0), key=lambda found: abs(found - start), default=NOWHERE)
    counts["repaired"] += nearest != NOWHERE
    return Answer(text, nearest)


def _answers(row: Any, column: str, place: str) -> list[Answer]:
    """The answers of either form."""
    value, place = _get(row, column, place, object), f"{place}: answers"
    lists: list[Any] = [value.get("text"), value.get("answer_start")] if isinstance(value, dict) else []
    if lists and all(isinstance(each, list) for each in lists) and len(lists[0]) == len(lists[1]):
        pairs = list(zip(*lists, strict=True))
    elif isinstance(value, list) and all(isinstance(item, dict) for item in value):
        pairs = [(item.get("text"), item.get("answer_start")) for item in value]
    else:
        raise UserError(f"{place}: expected as many text as answer_start, found {_short(value)}")
    for text, start in pairs:
        if not isinstance(text, str) or type(start) is not int:
            raise UserError(f"{place}: expected a text and a whole answer_start, found {_short(text)}, {_short(start)}")
    return [Answer(*pair) for pair in pairs]


def _rows(file: Path, columns: Sequence[str], labelled: bool) -> Iterator[dict[str, Any]]:
    """Each question by its `columns` and `id`."""
    name = file.name.removesuffix(".gz")
    if not name.endswith(FORMATS):
        raise UserError(f"{file}: expected questions in a file that ends in {', '.join(FORMATS)}")
    if name.endswith(".parquet"):
        table = read_parquet(file, columns if labelled else columns[:2], ["id"])
        yield from (row for batch in table.to_batches() for row in batch.to_pylist())
        return
    text = read_text(file)
    try:
        content = parse(text)
    except ValueError as error:
        if getattr(error, "msg", "") != "Extra data":  # behind a first value: it is one a line
            raise UserError(f"{file}: line {getattr(error, 'lineno', 1)}: not JSON: {error}") from None
        content = []
    if isinstance(content, list) or (isinstance(content, dict) and columns[0] in content):
        yield from (row for _, row in read_objects(text, file, as_written=False)[1])
    else:
        yield from _nested(content, file, columns)


def _nested(content: Any, file: Path, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    """SQuAD's own JSON."""
    for number, article in enumerate(_get(content, "data", str(file), list), start=1):
        place = f"{file}: article {number}"
        for paragraph in _get(article, "paragraphs", place, list):
            for question in _get(paragraph, "qas", place, list):
                row = {columns[0]: _get(question, "question", place, object), "id": question.get("id")}
                row[columns[1]] = _get(paragraph, "context", place, object)
                if question.get("is_impossible") is True:
                    row[columns[2]] = []
                elif "answers" in question:
                    row[columns[2]] = question["answers"]
                yield row


def _get(mapping: Any, key: str, place: str, kind: type[Kind]) -> Kind:
    if not isinstance(mapping, dict) or key not in mapping:
        raise UserError(f"{place}: expected {key!r}, as SQuAD's files have it, found {_short(mapping)}")
    if not isinstance(value := mapping[key], kind):
        raise UserError(f"{place}: {key}: expected {'text' if kind is str else 'a list'}, found {_short(value)}")
    return value


def _short(value: Any) -> str:
    return f"the keys {reprlib.repr(list(value))}" if isinstance(value, dict) else reprlib.repr(value)
