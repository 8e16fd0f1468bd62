"""A pretrained model as a Hugging Face folder, with safetensors weights and no code."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from tinybert.errors import UserError
from tinybert.sources.first_bytes import name_the_bytes

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
    """Copy config, weights and tokenizer to `folder`; other files, pickled weights among them, are left out.

    Args:
        files: config.json and its neighbours; those in folders below it are left out. The weights are one file, or
            shards and their index.

    Raises:
        UserError: a part is missing, the weights are pickled or damaged, the model brings code of its own, or config,
            weights and tokenizer are not those of one encoder.
    """
    root = min((file.parent for file in files), key=lambda parent: len(parent.parts))
    found = {file.name: file for file in files if file.parent == root}
    pickled = sorted(name for name in found if name.endswith(PICKLED))
    weights = INDEX if WEIGHTS not in found and INDEX in found else WEIGHTS
    if weights not in found and pickled:
        raise UserError(
            f"{root / pickled[0]}: pickled weights can run code and are refused; "
            f"save the model as {WEIGHTS} (save_pretrained does)"
        )
    for name in ("config.json", weights):
        if name not in found:
            raise UserError(f"{root}: a model needs {name}, found {', '.join(sorted(found)) or 'nothing'}; add it")
    if not any(name in found for name in TOKENIZERS):
        raise UserError(f"{root}: a model needs its tokenizer, one of {', '.join(TOKENIZERS)}; add it")
    contents = {name: _read_json(found[name]) for name in (*PARTS, INDEX) if name.endswith(".json") and name in found}
    shards = _list_shards(found[INDEX], contents[INDEX]) if weights == INDEX else []
    taken = [part for part in PARTS if part in found] + [weights, *shards]
    for name in taken:
        if name not in found:
            raise UserError(f"{root}: {INDEX} names {name}, which is missing; add it")
        if sentence := name_the_bytes(found[name]):
            raise UserError(f"{found[name]}: {sentence}")
        shutil.copyfile(found[name], folder / name)
    tensors = sum(_count_tensors(found[name]) for name in shards or [weights])
    _require_one_model(folder, root)
    return {"tensors": tensors, "bytes": sum(found[name].stat().st_size for name in shards or [weights])}


def _list_shards(index: Path, content: dict[str, Any]) -> list[str]:
    weight_map = content.get("weight_map")
    shards = sorted({str(name) for name in weight_map.values()}) if isinstance(weight_map, dict) else []
    if not shards or not all(map(SHARD.fullmatch, shards)):
        raise UserError(f"{index}: expected a weight_map to model-00001-of-0000n.safetensors, found {shards[:3]}")
    return shards


def _read_json(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:  # of JSON, or of UTF-8
        found = (name_the_bytes(file) or f"not valid JSON ({error})").partition(";")[0]
        raise UserError(f"{file}: {found}; replace it") from None
    if not isinstance(content, dict):
        raise UserError(f"{file}: expected a JSON object, found {json.dumps(content)[:40]}; replace it")
    if "auto_map" in content:
        raise UserError(
            f"{file}: `auto_map` names code of the model's own, which is never run here; take a model without"
        )
    return content


def _count_tensors(file: Path) -> int:
    try:
        with safe_open(file, framework="numpy") as weights:
            return len(weights.keys())
    except SafetensorError as error:
        raise UserError(f"{file}: not a whole safetensors file ({error}); replace it") from None


def _require_one_model(folder: Path, root: Path) -> None:
    """Refuse parts that don't belong together, by their shapes: no number of the weights is read."""
    from transformers import AutoModel, AutoTokenizer, logging  # takes seconds

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        model, info = AutoModel.from_pretrained(
            folder, device_map="meta", use_safetensors=True, ignore_mismatched_sizes=True, output_loading_info=True
        )
        tokenizer = AutoTokenizer.from_pretrained(folder)
    except Exception as error:  # on a file of somebody's it may raise anything
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}".split(". ")[0]
        raise UserError(f"{root}: no model that can be read: {reason}; take all files of one model") from None
    misfits = sorted({key for key in info["missing_keys"] if "pooler" not in key})
    misfits += sorted(str(name) for name, *_ in info["mismatched_keys"])
    if misfits:
        raise UserError(
            f"{root}: of the tensors that config.json asks for, the weights lack {len(misfits)} or have them in other "
            f"shapes, first {misfits[0]}; take the config.json and the weights of one model"
        )
    rows = model.get_input_embeddings().num_embeddings
    if len(tokenizer) > rows:
        raise UserError(
            f"{root}: the tokenizer has {len(tokenizer):,} entries for {rows:,} rows of embeddings; resize these "
            "(resize_token_embeddings), or take the model's own tokenizer"
        )
