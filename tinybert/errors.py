"""What a user's mistake becomes: one line that says what was expected, what was found and what to change."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """A mistake in params, data or environment that the user can mend.

    The message is one line and complete: whoever catches it prints it and exits with 1, without a traceback.
    """


def suggest(wrong: str, known: Iterable[str]) -> str:
    """The nearest known name as a question, then all known names: ` (did you mean 'epochs'? known: …)`."""
    names = sorted(known)
    nearest = difflib.get_close_matches(wrong, names, n=1, cutoff=0.5)
    question = f"did you mean {nearest[0]!r}? " if nearest else ""
    return f" ({question}known: {', '.join(names) or 'none'})"
