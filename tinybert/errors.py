"""What a user's mistake becomes: one line that says what was expected, what was found and what to change."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from itertools import islice

LONGEST = 2000
"""Characters of a message: what it quotes may be a file's first line, and that all of the file."""
NAME, NAMES = 60, 1000
"""Characters of a name that is suggested, and names that are looked at: to compare takes their product, squared."""


class UserError(Exception):
    """A mistake in params, data or environment that the user can mend.

    The message is one line and complete: whoever catches it prints it and exits with 1, without a traceback.
    """

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


def one_line(text: str) -> str:
    """Line breaks, and what else can't be printed, as Python escapes it; a text too long without its middle."""
    if len(text) > LONGEST:
        text = f"{text[: LONGEST // 2]} … {text[-LONGEST // 2 :]}"
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)


def suggest(wrong: str, known: Iterable[str]) -> str:
    """The nearest known name as a question, then all known names: ` (did you mean 'epochs'? known: …)`."""
    names = sorted(name[:NAME] for name in islice(known, NAMES))
    nearest = difflib.get_close_matches(wrong[:NAME], names, n=1, cutoff=0.5)
    question = f"did you mean {nearest[0]!r}? " if nearest else ""
    return f" ({question}known: {', '.join(names) or 'none'})"
