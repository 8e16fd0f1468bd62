"""What the files of a model may not ask for: code of theirs, or weights that would have to be unpickled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tinybert.errors import UserError

FILES = ("config.json", "tokenizer_config.json", "model.safetensors.index.json")
OWN_ATTENTION = (None, "eager", "sdpa")
"""Ways to compute attention that are transformers' own; another name may be that of a repository of compiled code."""


def refuse_foreign_code(folder: Path) -> None:
    """Refuse a model's folder whose files name code, or pickled weights.

    transformers runs no such code without being told to trust it, which it never is here; but from a folder that is
    copied on, somebody else's program might.

    Raises:
        UserError: with the file and the key.
    """
    for name in FILES:
        try:
            content = json.loads((folder / name).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):  # whoever reads it says what is wrong with it
            continue
        for key, value in content.items() if isinstance(content, dict) else ():
            if reason := _reason(key, value):
                raise UserError(f"{folder / name}: {reason}")


def _reason(key: str, value: Any) -> str | None:
    if key == "auto_map":
        return "`auto_map` names code of the model's own, never run here; take one without"
    if key.endswith("attn_implementation") and value not in OWN_ATTENTION:
        return f"`{key}` names code from elsewhere ({value}), never run here; remove the key"
    if key == "transformers_weights":
        return f"`{key}` names other weights ({value}); remove the key, and call them model.safetensors"
    if key == "weight_map" and not all(file.endswith(".safetensors") for file in _files(value)):
        return "names pickled weights, which can run code and are refused; save the model as safetensors"
    return None


def _files(weight_map: Any) -> list[str]:
    """In which the tensors lie."""
    return [str(file) for file in weight_map.values()] if isinstance(weight_map, dict) else []
