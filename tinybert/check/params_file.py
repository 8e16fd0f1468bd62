"""A params.yaml as a person would write it: an entry's keys a line each, and why they are so."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

WIDTH = 120
PLAIN = re.compile(r"[A-Za-z_][\w./-]*( [\w./-]+)*|\.{1,2}/[\w./-]+|/[\w./-]+", re.ASCII)
"""Text that YAML takes for text without quotes, but for these words."""
WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}


def sections(preset: Path) -> dict[str, str]:
    """The text of a preset by its top-level keys, each with what stands before the next; `""` is what stands above."""
    parts = re.split(r"^(?=[a-z]+:)", preset.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {part.partition(":")[0] if number else "": part for number, part in enumerate(parts)}


def table(name: str, entries: Mapping[str, Any], why: Mapping[str, str]) -> str:
    """A table of params.yaml.

    Args:
        why: comments, by dotted path from the entry's key on.
    """
    lines = [f"{name}:"]
    for key, entry in entries.items():
        lines += _lines(key, entry, key, why, "  ")
    return "\n".join(lines) + "\n\n"


def comment(text: str, indent: str = "") -> list[str]:
    """Lines of a comment."""
    start = f"{indent}# "
    return textwrap.wrap(
        text, WIDTH, initial_indent=start, subsequent_indent=start, break_on_hyphens=False, break_long_words=False
    )


def flow(value: Any) -> str:
    """A value as YAML writes it in one line."""
    match value:
        case dict():
            return "{" + ", ".join(f"{flow(key)}: {flow(each)}" for key, each in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(flow, value)) + "]"
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case float() if 0 < value < 0.001:
            digits, _, power = f"{value:.1e}".partition("e")
            return f"{digits}e{int(power)}"
        case str() if not PLAIN.fullmatch(value) or value.casefold() in WORDS:
            return _quoted(value)
    return str(value)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t").replace("\n", "\\n")
    return f'"{escaped}"'


def _lines(key: str, value: Any, path: str, why: Mapping[str, str], indent: str) -> Iterator[str]:
    reason = why.get(path)
    line = f"{indent}{flow(key)}: {flow(value)}"
    nested = isinstance(value, dict) and (len(line) > WIDTH or ("." not in path and len(value) > 2))
    if nested:
        line = f"{indent}{flow(key)}:"
    if reason and len(line) + 4 + len(reason) <= WIDTH:
        yield f"{line}  # {reason}"
    else:
        yield from comment(reason, indent) if reason else ()
        yield line
    if nested:
        for name, each in value.items():
            yield from _lines(name, each, f"{path}.{name}", why, f"{indent}  ")
