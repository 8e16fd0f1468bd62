"""Rows of JSON: an object a line, or one array of objects."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tinybert.errors import UserError
from tinybert.tables.json_values import parse, require_whole

Objects = list[tuple[int, dict[str, Any]]]


def read_objects(text: str, file: Path, as_written: bool = True) -> tuple[str, Objects]:
    """The objects of a file, each with its number, from 1 on, and what is numbered: `line`, or `row` of an array.

    Args:
        as_written: see `parse`.

    Raises:
        UserError: naming file and line, or row; it is not JSON, or something else than objects.
    """
    if text.lstrip().startswith("["):
        return "row", _array(text, file, as_written)
    objects: Objects = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            value = parse(line, as_written)
        except ValueError as error:
            expected = "expected one object a line, or an array of objects: [{…}, …]"
            raise UserError(f"{file}: line {number}: not JSON: {error}; {expected}") from None
        objects.append((number, _object(value, f"{file}: line {number}")))
    return "line", objects


def cell(value: Any, place: str, may_be_list: bool = False) -> str:
    """A JSON value as text; null, like a key that is left out, is an empty cell.

    Raises:
        UserError: it is an object, a list where none is expected, or half of a character.
    """
    if isinstance(value, list) and may_be_list:
        return json.dumps([cell(item, place) for item in value], ensure_ascii=False)
    if isinstance(value, (list, dict)):
        expected = "a list of text or numbers" if may_be_list else "text or a number"
        raise UserError(f"{place}: expected {expected}, found a {type(value).__name__}")
    if isinstance(value, str):
        require_whole(value, place)
    return {None: "", True: "true", False: "false"}.get(value, value)


def _array(text: str, file: Path, as_written: bool) -> Objects:
    try:
        values = parse(text, as_written)
    except ValueError as error:
        expected = "expected an array of objects: [{…}, …], or one object a line"
        line, reason = getattr(error, "lineno", 1), getattr(error, "msg", error)
        raise UserError(f"{file}: line {line}: not JSON: {reason}; {expected}") from None
    return [(number, _object(value, f"{file}: row {number}")) for number, value in enumerate(values, start=1)]


def _object(value: Any, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UserError(f"{place}: expected an object {{…}}, found {json.dumps(value, ensure_ascii=False)[:40]}")
    return value
