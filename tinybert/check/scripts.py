"""Which script, and so about which languages, texts are written in; and a model that reads them."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

BERT = "google-bert/bert-base-{}"
KNOWN = {
    "LATIN": ("Latin", BERT.format("uncased")),
    "CYRILLIC": ("Cyrillic", "DeepPavlov/rubert-base-cased for Russian"),
    "CJK": ("Han", BERT.format("chinese")),
    "HIRAGANA": ("Japanese", "tohoku-nlp/bert-base-japanese-v3"),
    "KATAKANA": ("Japanese", "tohoku-nlp/bert-base-japanese-v3"),
    "HANGUL": ("Korean", "klue/bert-base"),
    "ARABIC": ("Arabic", "aubmindlab/bert-base-arabertv02"),
    "GREEK": ("Greek", "nlpaueb/bert-base-greek-uncased-v1"),
    "HEBREW": ("Hebrew", BERT.format("multilingual-cased")),
    "DEVANAGARI": ("Devanagari", "google/muril-base-cased"),
    "THAI": ("Thai", "FacebookAI/xlm-roberta-base"),
}
"""By the first word of what Unicode calls a letter: the script, and a model of the hub that was trained on it."""
NOTABLE = 0.1
"""The share of letters of another script from which on it is said."""
MARKED = 0.01
"""The share of Latin letters with accents, umlauts and the like above which a text is hardly English."""
ENOUGH = 200_000
"""Letters that are counted."""


class Writing(NamedTuple):
    """What the letters say."""

    script: str
    share: float
    """Of the letters."""
    english: bool
    """Whether it can be: Latin, and without many marks."""
    model: str


def find_writing(texts: Iterable[str]) -> Writing:
    """Of the script with most letters, or another than Latin with a tenth of them."""
    counts: Counter[str] = Counter()
    marked = 0
    for text in texts:
        for letter in filter(str.isalpha, text):
            name = "LATIN" if letter.isascii() else unicodedata.name(letter, "").partition(" ")[0].partition("-")[0]
            counts[name] += 1
            marked += name == "LATIN" and not letter.isascii()
        if counts.total() > ENOUGH:
            break
    letters = max(1, counts.total())
    japanese = counts["HIRAGANA"] + counts["KATAKANA"]
    others = {name: count for name, count in counts.items() if name != "LATIN" and count / letters > NOTABLE}
    most = max(others, key=lambda name: others[name], default="LATIN")
    if most == "CJK" and japanese > 0.05 * letters:  # written in three scripts, of which Han is one
        most = "HIRAGANA"
    script, model = KNOWN.get(most, (most.capitalize(), BERT.format("multilingual-cased")))
    english = most == "LATIN" and marked <= MARKED * letters
    if most == "LATIN" and not english:
        model = f"{BERT.format('multilingual-cased')}, or one of its language"
    share = (counts["CJK"] + japanese if most == "HIRAGANA" else counts[most]) / letters
    return Writing(script, share, english, model)
