"""The names of a table's columns: those that are needed are there, once, and stand in no row."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from tinybert.errors import UserError, suggest


def require_columns(needed: Sequence[str], names: Sequence[str], file: Path, hint: str = "") -> None:
    """Refuse a table where a column isn't there, or several are called so; `hint` is what may be the reason."""
    for column in needed:
        if column not in names:
            known = suggest(column, [name[:40] for name in names])
            raise UserError(f"{file}: there is no column {column!r}{known}{hint}")
        if names.count(column) > 1:
            raise UserError(f"{file}: several columns are called {column!r}; rename all but one")


def require_no_header(frame: pd.DataFrame, file: Path, has_names: bool) -> None:
    """Refuse the names of the columns as a row, be it in another case; in one column alone they may be a text.

    Args:
        has_names: whether the names are the user's, and the file has no header.
    """
    names = [name.strip().casefold() for name in frame.columns]
    for line, *cells in frame.itertuples() if len(names) > 1 else ():
        if cells[-1].strip().casefold() == names[-1] and [cell.strip().casefold() for cell in cells] == names:
            found = f"{file}: {frame.index.name} {line} names the columns"
            if has_names and line == frame.index[0]:
                raise UserError(f"{found}, as `columns` does; set columns: null, and text and label as it calls them")
            raise UserError(f"{found} once more, as in files that were put together; remove it")
