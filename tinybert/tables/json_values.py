"""JSON as people send it: what Python's reader, or a file of UTF-8, cannot take is refused in words."""

from __future__ import annotations

import json
from typing import Any

from tinybert.errors import UserError


def parse(text: str, as_written: bool = False) -> Any:
    """The value of a JSON text.

    Args:
        as_written: whether numbers are returned as text, so that 1.0 is not 1.

    Raises:
        ValueError: it is not JSON, or nested more deeply than Python reads.
    """
    try:
        return json.loads(text, parse_int=str, parse_float=str, parse_constant=str) if as_written else json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def require_whole(text: str, place: str) -> None:
    """Refuse half of a character (a lone surrogate), which JSON can say, and no other file can hold.

    Raises:
        UserError: there is one; the message begins with `place`.
    """
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise UserError(f"{place}: {text[error.start]!a} is half of a character; write both halves") from None
