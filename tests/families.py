"""A tiny random model of every family of encoders, with a tokenizer of its kind, made on the spot."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import ByteLevelBPETokenizer
from tokenizers.processors import TemplateProcessing
from transformers import (
    AlbertConfig,
    AlbertTokenizer,
    AutoModel,
    AutoModelForMaskedLM,
    BertConfig,
    DebertaConfig,
    DebertaTokenizer,
    DebertaV2Config,
    DebertaV2Tokenizer,
    DistilBertConfig,
    ElectraConfig,
    ModernBertConfig,
    MPNetConfig,
    MPNetTokenizer,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaTokenizer,
    XLMRobertaConfig,
    XLMRobertaTokenizer,
)

from tests.tiny import BAD, GOOD, PLAIN, VOCABULARY, tiny_tokenizer, weather_report

LAYERS = 3
SHAPE = {
    "num_hidden_layers": LAYERS,
    "hidden_size": 24,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    "max_position_embeddings": 40,
}
DISENTANGLED = {"relative_attention": True, "pos_att_type": ["c2p", "p2c"], "position_biased_input": False}
MODERN = {
    "layer_types": ["full_attention", "sliding_attention", "full_attention"],
    "local_attention": 4,  # two tokens to either side
    "bos_token_id": 0, "cls_token_id": 0, "eos_token_id": 2, "sep_token_id": 2,
}  # fmt: skip
FAMILIES: dict[str, tuple[type[PretrainedConfig], dict[str, Any]]] = {
    "bert": (BertConfig, SHAPE),
    "bert-cased": (BertConfig, SHAPE),
    "bert-chinese": (BertConfig, SHAPE),
    "roberta": (RobertaConfig, SHAPE | {"type_vocab_size": 1}),
    "xlm-roberta": (XLMRobertaConfig, SHAPE | {"type_vocab_size": 1}),
    "distilbert": (
        DistilBertConfig,
        {"n_layers": LAYERS, "dim": 24, "n_heads": 2, "hidden_dim": 48, "max_position_embeddings": 40},
    ),
    "electra": (ElectraConfig, SHAPE | {"embedding_size": 12}),
    "mpnet": (MPNetConfig, SHAPE),
    "albert": (AlbertConfig, SHAPE | {"embedding_size": 12}),
    "deberta": (DebertaConfig, SHAPE | DISENTANGLED),
    "deberta-v2": (
        DebertaV2Config,
        SHAPE | DISENTANGLED | {"position_buckets": 16, "share_att_key": True, "norm_rel_ebd": "layer_norm"},
    ),
    "modernbert": (ModernBertConfig, SHAPE | MODERN),
}
SENTENCEPIECE: dict[str, tuple[Any, list[str]]] = {
    "albert": (AlbertTokenizer, ["<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"]),
    "deberta-v2": (DebertaV2Tokenizer, ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]),
    "xlm-roberta": (XLMRobertaTokenizer, ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]),
}
"""By family, what its tokenizer begins with."""
BYTES = ("roberta", "deberta", "modernbert")
"""Those whose words are made of bytes, a space before a word being one of them."""

CHINESE = {True: ["晴朗", "温暖", "明媚", "宜人"], False: ["寒冷", "阴沉", "潮湿", "多风"]}
CHINESE_PLACES, CHINESE_TIMES = ["北京", "上海"], ["今天", "早上", "晚上"]
CHARACTERS = sorted({*"天气非常，。", *"".join([*CHINESE[True], *CHINESE[False], *CHINESE_PLACES, *CHINESE_TIMES])})


def family_report(family: str, random: np.random.Generator, good: bool) -> str:
    """A sentence about the weather in the family's language; Chinese ones have no spaces."""
    if family != "bert-chinese":
        return weather_report(random, good)
    first, second = random.choice(CHINESE[good], 2, replace=False)
    return f"{random.choice(CHINESE_TIMES)}{random.choice(CHINESE_PLACES)}天气{first}，非常{second}。"


def family_tokenizer(family: str) -> PreTrainedTokenizerBase:
    """WordPiece, byte-level BPE or SentencePiece, as the family has it."""
    if family in BYTES:
        random = np.random.default_rng(0)
        special, kind = ["[CLS]", "[PAD]", "[SEP]", "[UNK]", "[MASK]"], DebertaTokenizer
        if family == "roberta":
            special, kind = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"], RobertaTokenizer
        bpe = ByteLevelBPETokenizer()
        texts = [weather_report(random, bool(random.integers(2))) for _ in range(300)]
        bpe.train_from_iterator(texts, vocab_size=400, special_tokens=special, show_progress=False)
        if family == "modernbert":
            ends = {"single": "[CLS] $A [SEP]", "pair": "[CLS] $A [SEP] $B [SEP]"}
            bpe._tokenizer.post_processor = TemplateProcessing(**ends, special_tokens=[("[CLS]", 0), ("[SEP]", 2)])
            names = {f"{piece[1:-1].lower()}_token": piece for piece in special}
            inputs = ["input_ids", "attention_mask"]
            return PreTrainedTokenizerFast(tokenizer_object=bpe._tokenizer, model_input_names=inputs, **names)
        state = json.loads(bpe.to_str())["model"]
        return kind(vocab=state["vocab"], merges=[tuple(merge) for merge in state["merges"]])
    if family in SENTENCEPIECE:
        kind, special = SENTENCEPIECE[family]
        pieces = [(piece, 0.0) for piece in special]
        pieces += [(f"▁{word}", -3.0) for word in [*GOOD, *BAD, *PLAIN, "driz", "blus"]]
        pieces += [(piece, -3.5) for piece in ["zly", "tery", ".", ",", "!", "▁"]]
        pieces += [(letter, -9.0) for letter in "abcdefghijklmnopqrstuvwxyz"]
        return kind(vocab=pieces)
    if family == "mpnet":
        order = ["<s>", "<pad>", "</s>", "[UNK]", "<mask>", *(p for p in VOCABULARY if not p.startswith("["))]
        return MPNetTokenizer(vocab={piece: index for index, piece in enumerate(order)})
    vocabulary = [*VOCABULARY, *CHARACTERS] if family == "bert-chinese" else VOCABULARY
    return tiny_tokenizer(vocabulary, uncased=family != "bert-cased")


def family_config(family: str, tokenizer: PreTrainedTokenizerBase) -> PretrainedConfig:
    kind, shape = FAMILIES[family]
    return kind(**shape, vocab_size=len(tokenizer), pad_token_id=tokenizer.pad_token_id, initializer_range=0.3)


def family_model(family: str, head: bool = False) -> PreTrainedModel:
    """A random encoder, or with its masked-language head; weights large enough for scores to differ."""
    torch.manual_seed(0)
    auto = AutoModelForMaskedLM if head else AutoModel
    return auto.from_config(family_config(family, family_tokenizer(family))).eval()


def save_family(folder: Path, family: str) -> Path:
    """A folder with the encoder, its masked-language head and its tokenizer."""
    family_model(family, head=True).save_pretrained(folder)
    family_tokenizer(family).save_pretrained(folder)
    return folder
