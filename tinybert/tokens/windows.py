"""Questions and contexts as windows of tokens, and answers back from them.

A context longer than a window is read in several, each with the whole question; neighbours share some tokens.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any
from unicodedata import category

import numpy as np
import pandas as pd
import torch
from datasets import Dataset
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from tinybert.metrics.answers import right_answers
from tinybert.tokens.encoding import TEACHER_LOGITS, TYPES, Padding

SPECIAL = 8
"""Room for special tokens; families take three or four."""
MARKS = ("Mn", "Me", "Cf")
"""Kinds of characters that tokenizers leave out: combining ones, and those that format but can't be seen."""
NOTHING = -1e9
"""The score of an answer from a context without tokens: finite, so that a margin is too."""


def encode_windows(
    tokenizer: PreTrainedTokenizerBase, rows: pd.DataFrame, max_length: int, stride: int, offsets: bool = True
) -> Dataset:
    """One example a window of `max_length` tokens, those of a row one after the other.

    The columns are `input_ids`, `token_type_ids` where the model takes them, `length`; `row`, the place in `rows`;
    `window`, from 0; `cls`, the place of [CLS]; `first`, that of the context's first token in the window; `starts` and
    `ends`, where in the context each of its tokens there stands, with the marks around it that the tokenizer reads over
    (accents as characters of their own, and what has no width); and, where the rows have a label, `labels`: the first
    and the last token of the first right answer in the context, both [CLS] where it doesn't lie in the window whole, or
    there is none. A question is not cut unless it leaves too little room for its context.

    Args:
        rows: `text` (the question), `text_pair` (its context), `label` (optional).
        stride: tokens of the context that a window shares with the one before it.
        offsets: whether to keep `starts` and `ends`, most of a window's bytes, which only `find_answers` needs.
    """
    typed = TYPES in tokenizer.model_input_names
    longest_question = max_length - stride - SPECIAL

    def batch(columns: dict[str, list[Any]], places: list[int]) -> dict[str, list[Any]]:
        encoded = tokenizer(
            _shortened(tokenizer, columns["text"], longest_question),
            columns["text_pair"],
            truncation="only_second",
            max_length=max_length,
            stride=stride,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
            return_attention_mask=False,
            return_token_type_ids=typed,
        )
        sources, mappings = encoded["overflow_to_sample_mapping"], encoded["offset_mapping"]
        sides = [encoded.sequence_ids(number) for number in range(len(sources))]
        contexts = [[place for place, side in enumerate(of_window) if side == 1] for of_window in sides]
        read: dict[int, set[int]] = defaultdict(set)  # where the tokens of each context begin, in all its windows
        for source, context, mapping in zip(sources, contexts, mappings, strict=True):
            read[source].update(mapping[place][0] for place in context)
        windows = []
        for number, (source, context) in enumerate(zip(sources, contexts, strict=True)):
            window = {name: encoded[name][number] for name in ("input_ids", TYPES) if name in encoded}
            ids, text = window["input_ids"], columns["text_pair"][source]
            cls = ids.index(tokenizer.cls_token_id) if tokenizer.cls_token_id in ids else 0
            first = context[0] if context else len(ids)
            window |= {"length": len(ids), "row": places[source], "cls": cls, "first": first}
            in_text = [_with_marks(text, mappings[number][place], read[source]) for place in context]
            starts, ends = [start for start, _ in in_text], [end for _, end in in_text]
            if offsets:
                window |= {"starts": starts, "ends": ends}
            if "label" in columns:
                window["labels"] = _place(columns["label"][source], starts, ends, first) or [cls, cls]
            windows.append(window)
        return {name: [window[name] for window in windows] for name in windows[0]}

    texts = Dataset.from_pandas(rows.filter(["text", "text_pair", "label"]), preserve_index=False)
    dataset = texts.map(batch, batched=True, with_indices=True, remove_columns=texts.column_names)
    return dataset.add_column("window", np.arange(len(dataset)))


def find_answers(
    rows: pd.DataFrame, windows: Dataset, logits: np.ndarray, longest_answer: int
) -> tuple[np.ndarray, np.ndarray]:
    """The best answer to each question over all its windows, and how much better no answer would be.

    An answer's score is the sum of its start's and its end's `logits`, (windows, 2, tokens); every span of the context
    of up to `longest_answer` tokens is looked at. The score of no answer is [CLS]'s, the lowest over the windows, since
    the windows without the answer are to point there too.

    Returns:
        answers (rows,), str; "" only where a context has no token. Margins (rows,), float64: the score of no answer
        minus that of the answer.
    """
    answers = np.full(len(rows), "", dtype=object)
    best, none = np.full(len(rows), NOTHING), np.full(len(rows), np.inf)
    contexts = rows["text_pair"].tolist()
    for window in windows.remove_columns("input_ids"):
        row, first, count = window["row"], window["first"], len(window["starts"])
        start, end = logits[window["window"]].astype(np.float64)
        none[row] = min(none[row], start[window["cls"]] + end[window["cls"]])
        score, left, right = _best_span(start[first : first + count], end[first : first + count], longest_answer)
        if score > best[row]:
            best[row] = score
            answers[row] = contexts[row][window["starts"][left] : window["ends"][right]].strip()
    return answers, none - best


def gold_answers(rows: pd.DataFrame, no_answer: bool) -> np.ndarray:
    """The texts of the right answers to each question that count (`right_answers`), tuples, (rows,)."""
    golds = np.empty(len(rows), dtype=object)
    for row, label in enumerate(rows["label"]):
        golds[row] = right_answers((answer["text"] for answer in label), no_answer)
    return golds


class WindowPadding(Padding):
    """Pads windows, and gives each its teacher's logits, (windows, 2, tokens), where there are any."""

    def __init__(self, pad_token_id: int, logits: np.ndarray | None = None) -> None:
        super().__init__(pad_token_id)
        self.logits = logits

    def __call__(self, examples: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
        kept = (*self.fill, "length", "labels")
        batch = super().__call__([{name: example[name] for name in kept if name in example} for example in examples])
        if self.logits is not None:
            longest = batch["input_ids"].shape[1]
            of_windows = self.logits[[example["window"] for example in examples], :, :longest]
            batch[TEACHER_LOGITS] = torch.from_numpy(np.array(of_windows))
        return batch


def _shortened(tokenizer: PreTrainedTokenizerBase, questions: list[str], longest: int) -> list[str]:
    """The questions, the few of more than `longest` tokens cut before the first that is too many.

    A character may be several tokens; one that has too many goes whole.
    """
    encoded = tokenizer(questions, add_special_tokens=False, return_offsets_mapping=True, return_attention_mask=False)
    return [
        question if len(offsets) <= longest else question[: offsets[longest][0]].rstrip()
        for question, offsets in zip(questions, encoded["offset_mapping"], strict=True)
    ]


def _with_marks(text: str, place: tuple[int, int], read: set[int]) -> tuple[int, int]:
    """A token's place in a text with the marks that follow it, and those without width at the beginning of its word.

    A mark that is a token of its own, and begins at one of `read`, is left to it.
    """
    start, end = place
    while end < len(text) and end not in read and category(text[end]) in MARKS:
        end += 1
    before = start
    while before and before - 1 not in read and category(text[before - 1]) == "Cf":
        before -= 1
    # What stands in the middle of a word belongs to the token before it.
    return (start if before and not text[before - 1].isspace() else before), end


def _place(answers: list[dict[str, Any]], starts: list[int], ends: list[int], first: int) -> list[int] | None:
    """The first and the last token of the first right answer in the context; None where it isn't whole in the window.

    The start of an answer that stands nowhere in the context is negative.
    """
    answer = next((answer for answer in answers if answer["start"] >= 0), None)
    if answer is None or not starts:
        return None
    begin, end = answer["start"], answer["start"] + len(answer["text"])
    inside = [place for place in range(len(starts)) if ends[place] > begin and starts[place] < end]
    if not inside or begin < starts[0] or end > ends[-1]:
        return None
    return [first + inside[0], first + inside[-1]]


def _best_span(start: np.ndarray, end: np.ndarray, longest: int) -> tuple[float, int, int]:
    """Score, first and last token of the best span of up to `longest` tokens; of equals the shortest, the first."""
    best = (-np.inf, 0, 0)
    for more in range(min(longest, len(start))):
        scores = start[: len(start) - more] + end[more:]
        left = int(scores.argmax())
        if scores[left] > best[0]:
            best = (float(scores[left]), left, left + more)
    return best
