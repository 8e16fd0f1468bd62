"""A pretrained model as a Hugging Face folder, with safetensors weights and no code."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from safetensors import SafetensorError, safe_open

from tinybert.errors import UserError
from tinybert.running.foreign_code import refuse_foreign_code
from tinybert.sources.first_bytes import name_the_bytes

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
"""Of weights in shards: which tensor lies in which."""

SHARD = re.compile(r"model-\d{5}-of-\d{5}\.safetensors")

TOKENIZERS = ("tokenizer.json", "vocab.txt", "merges.txt", "spiece.model", "spm.model", "sentencepiece.bpe.model")
"""One of these is what an encoder's tokenizer is made of."""

LINEAGE = "lineage.json"

PARTS = (
    "config.json",
    *TOKENIZERS,
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",  # goes with merges.txt
    "projections.safetensors",  # of a student of this project
    LINEAGE,
)
"""What is taken beside the weights."""


class Made(BaseModel):
    """A lineage, as `tinybert.running.lineage` writes it, as far as the stages at the end have to find it."""

    stage: str
    params: dict[str, Any]
    facts: dict[str, Any]
    inputs: dict[str, Input]


class Input(BaseModel):
    """What something was made of."""

    path: str
    sha256: str
    lineage: Made | None = None


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
    weights = [INDEX, *filter(SHARD.fullmatch, found)] if WEIGHTS not in found and INDEX in found else [WEIGHTS]
    if weights[0] not in found and pickled:
        raise UserError(
            f"{root / pickled[0]}: pickled weights can run code and are refused; "
            f"save the model as {WEIGHTS} (save_pretrained does)"
        )
    for name in ("config.json", weights[0]):
        if name not in found:
            raise UserError(f"{root}: a model needs {name}, found {', '.join(sorted(found)) or 'nothing'}; add it")
    if not any(name in found for name in TOKENIZERS):
        raise UserError(f"{root}: a model needs its tokenizer, one of {', '.join(TOKENIZERS)}; add it")
    for name in [part for part in PARTS if part in found] + weights:
        if sentence := name_the_bytes(found[name]):
            raise UserError(f"{found[name]}: {sentence}")
        try:
            if name.endswith(".safetensors"):
                safe_open(found[name], framework="numpy")
        except SafetensorError as error:
            raise UserError(f"{found[name]}: not a whole safetensors file ({error}); replace it") from None
        shutil.copyfile(found[name], folder / name)
    refuse_foreign_code(root)
    if LINEAGE in found:
        try:
            Made.model_validate_json(found[LINEAGE].read_bytes())
        except ValidationError as error:
            wrong = error.errors()[0]
            reason = f"{'.'.join(map(str, wrong['loc']))}: {wrong['msg']}".removeprefix(": ")
            raise UserError(f"{found[LINEAGE]}: no lineage as this project writes it ({reason}); remove it") from None
    _require_one_model(folder, root)
    return {"bytes": sum(found[name].stat().st_size for name in weights)}


def _require_one_model(folder: Path, root: Path) -> None:
    """Refuse what is no model, or parts that don't belong together, by their shapes: no weight is read."""
    from transformers import AutoModel, AutoTokenizer, logging  # takes seconds

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        model, info = AutoModel.from_pretrained(
            folder, device_map="meta", use_safetensors=True, ignore_mismatched_sizes=True, output_loading_info=True,
            trust_remote_code=False,
        )  # fmt: skip
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    except Exception as error:  # on a file of somebody's it may raise anything
        reason = " ".join(str(error).split()).partition(". ")[0].rstrip(".").replace(str(folder), str(root))
        raise UserError(
            f"{root}: no model that can be read ({type(error).__name__}: {reason}); take all files of one model"
        ) from None
    misfits = sorted(key for key in info["missing_keys"] if "pooler" not in key)
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
