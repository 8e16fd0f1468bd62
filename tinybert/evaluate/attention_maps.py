"""Where teacher and student look: attention of both on one example, as the report draws it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from tinybert.models.shape import layer_pairs

LONGEST = 18
"""Tokens of the example, [CLS] and [SEP] among them, so that its words can be read beside the map."""
HEADS = 3


def compare_attention(
    teacher: PreTrainedModel,
    student: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    rows: pd.DataFrame,
    layer_map: str | list[int] | dict[int, int],
) -> dict[str, Any]:
    """Attention of the student's last mapped layer and of the teacher layer that it learns from, after softmax.

    The example is the first row of `rows` that has the most tokens but no more than `LONGEST`. Heads are drawn one by
    one only where both models have as many, since then the attention loss compares them one by one; of those, the
    teacher's least even ones. Models that don't give a weight to each pair of tokens, such as Longformer, have no maps.

    Returns:
        `tokens`, `teacher_layer`, `student_layer` (from 1) and `maps`: a list of `name`, `teacher`, `student`, the last
        two (tokens, tokens) of weights in [0, 1], a row for each token that looks.
    """
    encoded = tokenizer(*_example(tokenizer, rows), truncation=True, max_length=LONGEST, return_tensors="pt")
    pairs = layer_pairs(layer_map, student.config.num_hidden_layers, teacher.config.num_hidden_layers)
    student_layer, teacher_layer = max(pairs.items())
    both = _weights(teacher, encoded, teacher_layer), _weights(student, encoded, student_layer)
    heads, tokens = len(both[0]), encoded["input_ids"].shape[1]
    maps = {}
    if all(each.shape[1:] == (tokens, tokens) for each in both):
        maps[f"mean of {heads} heads"] = [each.mean(axis=0) for each in both]
        if heads == len(both[1]):
            unevenness = (both[0] ** 2).sum(axis=(1, 2))
            shown = sorted(np.argsort(-unevenness, kind="stable")[:HEADS])
            maps |= {f"head {head + 1}": [each[head] for each in both] for head in shown}
    rounded = {name: [np.round(each.astype(float), 3).tolist() for each in pair] for name, pair in maps.items()}
    return {
        "tokens": tokenizer.convert_ids_to_tokens(encoded["input_ids"][0].tolist()),
        "teacher_layer": teacher_layer,
        "student_layer": student_layer,
        "maps": [{"name": name, "teacher": one, "student": other} for name, (one, other) in rounded.items()],
    }


def _example(tokenizer: PreTrainedTokenizerBase, rows: pd.DataFrame) -> list[str]:
    """The text, or the two texts, of the example."""
    texts = rows[[name for name in ("text", "text_pair") if name in rows.columns]].head(500)
    lengths = np.array([len(tokenizer(*row)["input_ids"]) for row in texts.itertuples(index=False)])
    fitting = np.where(lengths <= LONGEST, lengths, -lengths)  # where none fits, the shortest is cut
    return texts.iloc[int(fitting.argmax())].tolist()


@torch.inference_mode()
def _weights(model: PreTrainedModel, encoded: Any, layer: int) -> np.ndarray:
    """(heads, tokens, tokens) of layer `layer`, from 1, and of another shape where the model has other weights or none.

    Only the eager implementation returns attention weights.
    """
    before = model.config._attn_implementation
    model.set_attn_implementation("eager")
    weights = model(**encoded, output_attentions=True).attentions
    model.set_attn_implementation(before)
    return np.empty((0, 0, 0)) if weights is None else weights[layer - 1][0].numpy()
