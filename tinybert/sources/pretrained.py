"""A pretrained model as a Hugging Face folder, with safetensors weights and no code."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

from safetensors import SafetensorError, safe_open

from tinybert.errors import UserError

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
"""Of weights in shards: which tensor lies in which."""

SHARD = re.compile(r"model-\d{5}-of-\d{5}\.safetensors")

TOKENIZERS = ("tokenizer.json", "vocab.txt", "merges.txt", "spiece.model", "spm.model", "sentencepiece.bpe.model")
"""One of these is what an encoder's tokenizer is made of."""

PARTS = (
    "config.json",
    *TOKENIZERS,
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",  # goes with merges.txt
    "projections.safetensors",  # of a student of this project
    "lineage.json",
)
"""What is taken beside the weights."""

PICKLED = (".bin", ".pt", ".pth", ".pkl", ".ckpt")


def copy_model(files: list[Path], folder: Path) -> dict[str, int]:
    """Copy config, weights and tokenizer to `folder`; the model is not loaded.

    Where safetensors weights are there, other files, pickled weights among them, are left out.

    Args:
        files: config.json and its neighbours; those in folders below it are left out. The weights are one file, or
            shards and their index.

    Raises:
        UserError: a part is missing, the weights are pickled or damaged, or the model brings code of its own.
    """
    root = min((file.parent for file in files), key=lambda parent: len(parent.parts))
    found = {file.name: file for file in files if file.parent == root}
    pickled = sorted(name for name in found if name.endswith(PICKLED))
    is_sharded = WEIGHTS not in found and INDEX in found
    if WEIGHTS not in found and not is_sharded and pickled:
        raise UserError(
            f"{root / pickled[0]}: pickled weights can run code and are refused; "
            f"save the model as {WEIGHTS} (save_pretrained does)"
        )
    for name in ("config.json", INDEX if is_sharded else WEIGHTS):
        if name not in found:
            raise UserError(f"{root}: a model needs {name}, found {', '.join(sorted(found)) or 'nothing'}; add it")
    if not any(name in found for name in TOKENIZERS):
        raise UserError(f"{root}: a model needs its tokenizer, one of {', '.join(TOKENIZERS)}; add it")
    for name in sorted(found):
        if name.endswith(".json"):
            _check_json(found[name])
    shards = _list_shards(found[INDEX]) if is_sharded else [WEIGHTS]
    for name in shards:
        if name not in found:
            raise UserError(f"{root}: {INDEX} names {name}, which is missing; add it")
    tensors = sum(_count_tensors(found[name]) for name in shards)
    for name in (*(part for part in PARTS if part in found), *([INDEX] if is_sharded else []), *shards):
        shutil.copyfile(found[name], folder / name)
    return {"tensors": tensors, "bytes": sum(found[name].stat().st_size for name in shards)}


def _list_shards(index: Path) -> list[str]:
    weight_map = json.loads(index.read_text(encoding="utf-8")).get("weight_map")
    shards = sorted({str(name) for name in weight_map.values()}) if isinstance(weight_map, dict) else []
    if not shards or not all(map(SHARD.fullmatch, shards)):
        raise UserError(f"{index}: expected a weight_map to model-00001-of-0000n.safetensors, found {shards[:3]}")
    return shards


def _check_json(file: Path) -> None:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:  # of JSON, or of UTF-8
        raise UserError(f"{file}: not valid JSON ({error}); replace it") from None
    if not isinstance(content, dict) and file.name in (*PARTS, INDEX):
        raise UserError(f"{file}: expected a JSON object, found {json.dumps(content)[:40]}; replace it")
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
