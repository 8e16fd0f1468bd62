"""Models and tokenizers from Hugging Face folders: safetensors only, and no code of theirs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from transformers import (
    MODEL_FOR_MASKED_LM_MAPPING,
    AutoConfig,
    AutoModel,
    AutoModelForMaskedLM,
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    logging,
)

from tinybert.errors import UserError
from tinybert.running.foreign_code import refuse_foreign_code
from tinybert.tokens.encoding import TYPES

# transformers prints a table of keys at each load of a trunk without its head; which may be missing is checked here.
logging.set_verbosity_error()
logging.disable_progress_bar()

FINE_TUNE = "set teacher.epochs above 0 to fine-tune one, or teacher.from to a fine-tuned checkpoint"

PROBE = "Ärger in Paris, don't 北京"
"""Has capitals, accents, punctuation and characters that are words."""

ENCODERS = "BERT, RoBERTa, XLM-R, DistilBERT, ELECTRA, MPNet, ALBERT, DeBERTa"
"""Those that are tested; others of transformers' encoders may do as well."""


def load_tokenizer(folder: Path, reader: Path | None = None) -> PreTrainedTokenizerBase:
    """The fast tokenizer of a model folder; UserError where it can't be read, or is not what its files say.

    Whether it tells the two texts of a pair apart by token types is asked of the model, not of the tokenizer's class:
    a DistilBERT with BERT's tokenizer takes none, and ALBERT takes them although its tokenizer hides them.

    Args:
        reader: the folder of the model that is to read what the tokenizer gives; None is the same folder's.
    """
    reader = reader or folder
    refuse_foreign_code(folder)
    _require_case(folder)
    configs = {each: load_config(each) for each in (folder, reader) if (each / "config.json").exists()}
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    except Exception as error:
        # What transformers tries last on a SentencePiece file that it can't read is another format, tiktoken's.
        reason = "a damaged SentencePiece file" if "tiktoken" in str(error) else _reason(error)
        raise UserError(
            f"{folder}: no tokenizer that can be read: {reason}; put a tokenizer.json there, with "
            f"its tokenizer_config.json (AutoTokenizer.from_pretrained(…).save_pretrained(…) writes them)"
        ) from None
    if not tokenizer.is_fast:
        raise UserError(f"{folder}: expected a fast tokenizer (tokenizer.json), found {type(tokenizer).__name__}")
    if tokenizer.pad_token_id is None:
        raise UserError(f"{folder}: the tokenizer has no padding token; add pad_token to tokenizer_config.json")
    if (folder / "tokenizer.json").exists():
        _require_own_rules(tokenizer, folder / "tokenizer.json")
    if reader in configs:
        rows = configs[reader].vocab_size
        if len(tokenizer) > rows:
            raise UserError(
                f"{folder}: the tokenizer has {len(tokenizer):,} entries for {rows:,} rows of embeddings in {reader}; "
                "resize these (resize_token_embeddings), or take the model's own tokenizer"
            )
        typed = takes_types(configs[reader])
        if typed != (TYPES in tokenizer.model_input_names):
            names = [name for name in tokenizer.model_input_names if name != TYPES] + [TYPES] * typed
            return AutoTokenizer.from_pretrained(folder, trust_remote_code=False, model_input_names=names)
    return tokenizer


def _require_case(folder: Path) -> None:
    """Refuse a bare vocab.txt: cased or not would be whatever the tokenizer's class does where nothing is said."""
    says = [folder / name for name in ("tokenizer_config.json", "config.json") if (folder / name).exists()]
    is_bare = (folder / "vocab.txt").exists() and not (folder / "tokenizer.json").exists()
    if is_bare and not any('"do_lower_case"' in file.read_text(encoding="utf-8") for file in says):
        raise UserError(
            f"{folder}: vocab.txt doesn't say whether its text is lower-cased; write "
            '{"do_lower_case": true}, or false for a cased model, to tokenizer_config.json there'
        )


def _require_own_rules(tokenizer: PreTrainedTokenizerBase, file: Path) -> None:
    """Refuse a tokenizer that doesn't do what its tokenizer.json says: transformers builds some classes anew."""
    rules = tokenizer.backend_tokenizer.to_str(), file.read_text(encoding="utf-8")
    for loaded, said in zip(*map(_probe, rules), strict=True):
        if loaded != said:
            raise UserError(
                f"{file}: makes {said} of {PROBE!r}, and transformers {loaded}; let tokenizer_config.json say what it "
                'does (do_lower_case, strip_accents), or "tokenizer_class": "PreTrainedTokenizerFast"'
            )


def _probe(rules: str) -> tuple[list[str], list[int]]:
    """The words that a text is split into, and the ids, by the content of a tokenizer.json."""
    tokenizer = Tokenizer.from_str(rules)
    tokenizer.no_padding()
    tokenizer.no_truncation()
    text = tokenizer.normalizer.normalize_str(PROBE) if tokenizer.normalizer else PROBE
    split = tokenizer.pre_tokenizer.pre_tokenize_str(text) if tokenizer.pre_tokenizer else []
    return [word for word, _ in split], tokenizer.encode(PROBE).ids


def save_tokenizer(tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Write a tokenizer that neither pads nor cuts.

    Both are the engine's state, which whoever used it last has left: its files would depend on what was cached.
    """
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()
    tokenizer.save_pretrained(folder)


def takes_types(config: PretrainedConfig) -> bool:
    """Whether a model tells the two texts of a pair apart by token types."""
    return getattr(config, "type_vocab_size", 0) > 1


def load_config(folder: Path) -> PretrainedConfig:
    """The configuration of an encoder's folder; UserError where transformers can't read it, or it's another model's."""
    refuse_foreign_code(folder)
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    except Exception as error:
        raise UserError(
            f"{folder}: no model configuration that can be read: {_reason(error)}; "
            "put the model's own config.json there, whose model_type transformers knows"
        ) from None
    decodes = getattr(config, "is_decoder", False)
    if decodes or config.is_encoder_decoder or type(config) not in MODEL_FOR_MASKED_LM_MAPPING:
        found = f"{config.model_type}{' with is_decoder: true' if decodes else ''}"
        raise UserError(f"{folder}: expected an encoder ({ENCODERS}, …), found {found}; take another model")
    return config


def load_encoder(folder: Path, dtype: torch.dtype = torch.float32) -> PreTrainedModel:
    """The encoder alone, whatever head the checkpoint has."""
    return _load(AutoModel, folder, dtype)


def load_masked_lm(folder: Path, dtype: torch.dtype = torch.float32, new_head: bool = False) -> PreTrainedModel:
    """An encoder with its masked-language head: UserError where the checkpoint has none, unless it may be new."""
    remedy = "set the task's mlm.steps above 0 to train one, or mlm.from to a checkpoint that has one"
    return _load(AutoModelForMaskedLM, folder, dtype, None if new_head else ("masked-language", remedy))


def load_classifier(
    folder: Path, dtype: torch.dtype = torch.float32, new_head: dict[str, Any] | None = None
) -> PreTrainedModel:
    """An encoder with its sequence-classification (or regression) head; UserError where the checkpoint has none.

    Args:
        new_head: configuration of a freshly initialised head (`head_config`), instead of the checkpoint's own.
    """
    needed = ("classification", FINE_TUNE) if new_head is None else None
    return _load(AutoModelForSequenceClassification, folder, dtype, needed, **(new_head or {}))


def load_span_model(folder: Path, dtype: torch.dtype = torch.float32, new_head: bool = False) -> PreTrainedModel:
    """The same with its question-answering head, which gives each token's logits as an answer's start and end."""
    outputs = {"num_labels": 2, "problem_type": None} if new_head else {}  # start and end, not a checkpoint's classes
    needed = None if new_head else ("question-answering", FINE_TUNE)
    return _load(AutoModelForQuestionAnswering, folder, dtype, needed, **outputs)


REGRESSION = "regression"
MULTILABEL = "multi_label_classification"
"""What transformers calls a task whose texts have any number of the labels."""


def head_config(names: list[str] | None, multilabel: bool = False) -> dict[str, Any]:
    """The head's part of a model configuration: class names in order, or one output for regression (None)."""
    if names is None:
        return {"num_labels": 1, "problem_type": REGRESSION}
    return {
        "id2label": dict(enumerate(names)),
        "label2id": {name: index for index, name in enumerate(names)},
        "problem_type": MULTILABEL if multilabel else "single_label_classification",
    }


def _load(
    auto: Any, folder: Path, dtype: torch.dtype, needed: tuple[str, str] | None = None, **config: Any
) -> PreTrainedModel:
    """A model in evaluation mode; `needed` is the head that the checkpoint has to have, and what to do if it hasn't."""
    load_config(folder)
    try:
        model, info = auto.from_pretrained(
            folder,
            dtype=dtype,
            use_safetensors=True,
            trust_remote_code=False,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
            **config,
        )
    except Exception as error:
        raise UserError(
            f"{folder}: no model that can be read: {_reason(error)}; take the config.json and the weights of one model"
        ) from None
    # A pooler is used by some heads only, and one that is missing is fine-tuned along with the new head.
    missing = sorted(key for key in info["missing_keys"] if "pooler" not in key)
    misfits = sorted(str(name) for name, *_ in info["mismatched_keys"])
    # Both are drawn anew. That is right for a head that is to be new, and nonsense for an encoder.
    trunk = "" if model.base_model is model else f"{model.base_model_prefix}."
    absent = [key for key in missing if key.startswith(trunk)]
    absent += [key for key in misfits if key.startswith(trunk) or not config]
    if absent:
        raise UserError(
            f"{folder}: of the tensors that config.json asks for, the weights lack {len(absent)} or have them in other "
            f"shapes, first {absent[0]}; take the config.json and the weights of one model"
        )
    infinite = next((name for name, tensor in model.named_parameters() if not tensor.isfinite().all()), None)
    if infinite:
        raise UserError(
            f"{folder}: the weights are not finite, first {infinite}; fetch them again, or train them at a lower rate"
        )
    if needed and missing:
        raise UserError(f"{folder}: this checkpoint has no {needed[0]} head ({missing[0]} is missing); {needed[1]}")
    return model.eval()


def _reason(error: Exception) -> str:
    """The first sentence of what a library says of a file of somebody's; it may raise anything on one."""
    sentence = " ".join(str(error).split()).split(". ")[0].removesuffix(".")
    return sentence if sentence and isinstance(error, OSError | ValueError) else f"{type(error).__name__}: {sentence}"
