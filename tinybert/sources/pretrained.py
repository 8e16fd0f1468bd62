"""A pretrained model as a Hugging Face folder, with safetensors weights and no code."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from safetensors import SafetensorError, safe_open

from tinybert.errors import UserError

WEIGHTS = "model.safetensors"
TOKENIZERS = ("tokenizer.json", "vocab.txt")
"""One of these two is what BERT's tokenizers are made of."""

PICKLED = (".bin", ".pt", ".pth", ".pkl", ".ckpt")
COPIED = (".safetensors", ".json", ".txt")


def copy_model(files: list[Path], folder: Path) -> dict[str, int]:
    """Copy config, weights and tokenizer to `folder`; the model is not loaded.

    Where safetensors weights are there, other files, pickled weights among them, are left out.

    Args:
        files: config.json and its neighbours; those in folders below it are left out.

    Raises:
        UserError: a part is missing, the weights are pickled or damaged, or the model brings code of its own.
    """
    root = min((file.parent for file in files), key=lambda parent: len(parent.parts))
    found = {file.name: file for file in files if file.parent == root}
    pickled = sorted(name for name in found if name.endswith(PICKLED))
    if WEIGHTS not in found and pickled:
        raise UserError(
            f"{root / pickled[0]}: pickled weights can run code and are refused; "
            f"save the model as {WEIGHTS} (save_pretrained does)"
        )
    for name in ("config.json", WEIGHTS):
        if name not in found:
            raise UserError(f"{root}: a model needs {name}, found {', '.join(sorted(found)) or 'nothing'}; add it")
    if not any(name in found for name in TOKENIZERS):
        raise UserError(f"{root}: a model needs its tokenizer, {' or '.join(TOKENIZERS)}; add it")
    for name in sorted(found):
        if name.endswith(".json"):
            _check_json(found[name])
    tensors = _count_tensors(found[WEIGHTS])
    for name, file in sorted(found.items()):
        if name.endswith(COPIED):
            shutil.copyfile(file, folder / name)
    return {"tensors": tensors, "bytes": found[WEIGHTS].stat().st_size}


def _check_json(file: Path) -> None:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:  # of JSON, or of UTF-8
        raise UserError(f"{file}: not valid JSON ({error}); replace it") from None
    if isinstance(content, dict) and "auto_map" in content:
        raise UserError(
            f"{file}: `auto_map` names code of the model's own, which is never run here; take a model without"
        )


def _count_tensors(file: Path) -> int:
    try:
        with safe_open(file, framework="numpy") as weights:
            return len(weights.keys())
    except SafetensorError as error:
        raise UserError(f"{file}: not a whole safetensors file ({error}); replace it") from None
