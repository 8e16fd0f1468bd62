"""JSON as people send it: what Python's reader, or a file of UTF-8, cannot take is refused in words."""

from __future__ import annotations

import json
from typing import Any

from tinybert.errors import UserError


def parse(text: str, as_written: bool = False) -> Any:
    """The value of a JSON text. NaN and Infinity, which some programs write and JSON doesn't have, are null.

    Args:
        as_written: whether numbers are returned as text, so that 1.0 is not 1.

    Raises:
        ValueError: it is not JSON, is nested too deeply, or an object has a key twice.
    """
    numbers: dict[str, Any] = {"parse_int": str, "parse_float": str} if as_written else {}
    try:
        return json.loads(text, parse_constant=lambda _: None, object_pairs_hook=_object, **numbers)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, value in pairs:
        if key in made:
            raise ValueError(f"the key {key[:40]!a} stands twice in an object")
        made[key] = value
    return made


def require_whole(text: str, place: str) -> None:
    """Refuse half of a character (a lone surrogate), as in a text cut off in an emoji: no file of UTF-8 can hold it."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UserError(f"{place}: {text[error.start]!a} is half of a character; write both halves") from None
