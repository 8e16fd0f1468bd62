"""Rows of JSON: an object a line, or one array of objects."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tinybert.errors import UserError
from tinybert.tables.json_values import parse, require_whole


def read_objects(text: str, file: Path, as_written: bool = True) -> tuple[str, list[tuple[int, dict[str, Any]]]]:
    """The objects of a file, each with its number, from 1 on, and what is numbered: `line`, or `row` of an array.

    Args:
        as_written: see `parse`.

    Raises:
        UserError: naming file and line, or row; it is not JSON, or something else than objects.
    """
    is_array = text.lstrip().startswith("[")
    lines = [(1, text)] if is_array else enumerate(text.split("\n"), start=1)
    found: list[tuple[int, Any]] = []
    for number, line in lines:
        try:
            if line.strip():
                found.append((number, parse(line, as_written)))
        except ValueError as error:
            number, reason = number - 1 + getattr(error, "lineno", 1), getattr(error, "msg", error)
            expected = "expected one object a line, or an array of objects: [{…}, …]"
            raise UserError(f"{file}: line {number}: not JSON: {reason}; {expected}") from None
    unit, objects = ("row", list(enumerate(found[0][1], start=1))) if is_array else ("line", found)
    for number, value in objects:
        if not isinstance(value, dict):
            shown = json.dumps(value, ensure_ascii=False)[:40]
            raise UserError(f"{file}: {unit} {number}: expected an object {{…}}, found {shown}")
    return unit, objects


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
