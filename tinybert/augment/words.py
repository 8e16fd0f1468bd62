"""The words of a text as the model's own tokenizer sees them, and what stands between them."""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from tokenizers import Encoding, Tokenizer
from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True)
class Word:
    """A word that may be replaced."""

    side: int  # 0 for the text, 1 for the second text of a pair
    slot: int  # its index among the parts of that side
    text: str  # as it stands in the original
    single: bool  # one word piece, so that the masked language model can be asked for it


@dataclass(frozen=True, slots=True)
class Sentence:
    """A text, or a pair, cut into parts that joined give every side back, to the character.

    A replacement changes one part, so spacing, quotes and punctuation around it stay as they were.
    """

    sides: tuple[tuple[str, ...], ...]
    words: tuple[Word, ...]

    def reach(self, max_length: int) -> tuple[int, ...]:
        """Of each side, how many of its parts a model may see that reads `max_length` tokens, special ones among them.

        A word is a token at least, whatever takes its place, so these are the parts up to the side's word of that
        number: more than the model sees as a rule, and never less. A shorter side is within reach whole.
        """
        ends = [len(parts) for parts in self.sides]
        words = [0] * len(ends)
        for word in self.words:
            words[word.side] += 1
            if words[word.side] == max_length:
                ends[word.side] = word.slot + 1
        return tuple(ends)


def split(tokenizer: PreTrainedTokenizerBase, examples: Sequence[tuple[str, ...]]) -> list[Sentence]:
    """Cut each example, a tuple of one text or two, at its words.

    A word is what the tokenizer's normaliser and pre-tokeniser make one; only those with a letter may be replaced, so
    numbers and punctuation are part of what stands between, and so is the end of a contraction or a possessive.
    """
    backend = bare_tokenizer(tokenizer)
    special = frozenset(tokenizer.all_special_ids)  # [UNK] too: what the model can't read is nothing to ask it for
    encodings = iter(backend.encode_batch([text for texts in examples for text in texts], add_special_tokens=False))
    sentences = []
    for texts in examples:
        sides, words = [], []
        for side, text in enumerate(texts):
            parts, end = [], 0
            for start, stop, single in _spans(text, next(encodings), special):
                parts += [text[end:start], text[start:stop]]
                words.append(Word(side, len(parts) - 1, text[start:stop], single))
                end = stop
            sides.append((*parts, text[end:]))
        sentences.append(Sentence(tuple(sides), tuple(words)))
    return sentences


def bare_tokenizer(tokenizer: PreTrainedTokenizerBase) -> Tokenizer:
    """A copy of the fast tokenizer's engine that neither truncates nor pads (both are the engine's state)."""
    backend = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    backend.no_truncation()
    backend.no_padding()
    return backend


def in_style_of(original: str, replacement: str) -> str:
    """`replacement` with the capitals of `original`: `Good` → `Fine`, `GOOD` → `FINE`; own capitals are kept."""
    if not replacement.islower():
        return replacement
    if len(original) > 1 and original.isupper():
        return replacement.upper()
    return replacement[0].upper() + replacement[1:] if original[0].isupper() else replacement


def _spans(text: str, encoding: Encoding, special: frozenset[int]) -> list[tuple[int, int, bool]]:
    """Start, end and singleness of each word with a letter, in order of the text.

    What a tokenizer takes for one word may hold more: SentencePiece cuts at spaces only, byte-level BPE leaves the
    apostrophe at what follows it. So punctuation always ends a word, and a Chinese character always is one, as in BERT.
    """
    found: list[list[int]] = []  # start, end, pieces, last piece's id
    last = None
    apart = False  # the last piece stands for itself
    for index, word, (start, end) in zip(encoding.ids, encoding.word_ids, encoding.offsets, strict=True):
        piece = text[start:end].strip()
        alone = bool(piece) and (all(map(_is_punctuation, piece)) or _is_ideograph(piece[0]))
        within = bool(found) and start < found[-1][1]  # another byte of the same character
        if word is not None and word == last and (within or not (alone or apart)):
            found[-1][1:] = [max(end, found[-1][1]), found[-1][2] + bool(piece), index]
        else:
            found.append([start, end, int(bool(piece)), index])
        last, apart = word, alone
    spans = []
    done = 0
    for start, end, pieces, index in found:
        start = max(start, done)  # some normalisers make two words of one character
        while start < end and text[start].isspace():  # byte-level tokenizers count the space before a word as its own
            start += 1
        whole = (start, end)
        if pieces != 1 or index not in special:  # `[MASK]` in a text
            while start < end and _is_punctuation(text[start]):
                start += 1
            while start < end and _is_punctuation(text[end - 1]):
                end -= 1
        single = pieces == 1 and index not in special and (start, end) == whole
        while end < len(text) and unicodedata.category(text[end]) == "Mn":  # an accent that the normaliser took away
            end += 1
        if any(map(str.isalpha, text[start:end])) and not _ends_contraction(text, start, end):
            spans.append((start, end, single))
            done = end
    return spans


def _ends_contraction(text: str, start: int, end: int) -> bool:
    """Whether an apostrophe joins this to a word: the `s` of `film's`, the `t` of `don't`, the `ve` of `we've`."""
    return start > 1 and text[start - 1] in "'’" and text[start - 2].isalpha() and end - start <= 2


def _is_punctuation(character: str) -> bool:
    """What BERT's own tokenizer cuts at: Unicode's punctuation, and all signs of ASCII."""
    return unicodedata.category(character)[0] == "P" or character in string.punctuation


def _is_ideograph(character: str) -> bool:
    return "\u3400" <= character <= "\u4dbf" or "\u4e00" <= character <= "\u9fff" or "\uf900" <= character <= "\ufaff"
