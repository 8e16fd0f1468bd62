"""Algorithm 1 of the paper: N_a copies of a sentence, each word replaced with probability p_t.

As there, and unlike the authors' code, the masked language model sees the copy as it is by then, earlier replacements
included (`context: current`), and what it thinks of the original word is a candidate too. With `context: original`, as
in the authors' code, it sees the original sentence, and is asked for each of its words once, for all copies.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tinybert.augment.candidates import MaskedWords, Place
from tinybert.augment.neighbours import Neighbours
from tinybert.augment.words import Sentence, Word, in_style_of
from tinybert.params.tasks import Augment

Tally = Counter[str]
"""What became of the words of all copies: those looked at, and those replaced, by the candidates' source.

A draw may give a word back, since what the model thinks of the original word is a candidate too: `kept`.
"""


@dataclass(slots=True)
class Copy:
    """A copy of a sentence on its way through the algorithm, and at its end the augmented sentence."""

    row: int  # of the original sentence
    sides: list[list[str]]  # the parts of each, as in `Sentence`
    ahead: list[tuple[Word, float]]  # words still to replace, the last one first, each with its draw in [0, 1)
    reach: tuple[int, ...]  # how many parts of each side the masked language model is shown
    changed: set[tuple[int, int]] = field(default_factory=set)  # (side, slot) of the parts that are not the original's

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple("".join(parts) for parts in self.sides)

    def asks_model(self, word: Word) -> bool:
        """Whether the word is one for the masked language model, and within its reach."""
        return word.single and word.slot < self.reach[word.side]

    def place(self, word: Word) -> Place:
        """Where the model is asked for a word: in as much of the texts as is within its reach."""
        heads = [parts[:end] for parts, end in zip(self.sides, self.reach, strict=True)]
        return Place(tuple(map("".join, heads)), word.side, sum(map(len, heads[word.side][: word.slot])))

    def replace(self, word: Word, candidates: Sequence[str], draw: float, source: str) -> str:
        """Put the candidate that is drawn in the word's place; what to count that as, `source` if anything changed."""
        if not len(candidates):
            return "without_candidates"
        replacement = in_style_of(word.text, candidates[int(draw * len(candidates))])
        if replacement == word.text:
            return "kept"
        self.sides[word.side][word.slot] = replacement
        self.changed.add((word.side, word.slot))
        return source


def vary(
    sentences: Sequence[Sentence],
    first_row: int,
    settings: Augment,
    seed: int,
    masked: MaskedWords,
    neighbours: Neighbours,
    tally: Tally,
) -> list[Copy]:
    """Algorithm 1 on every sentence: (sentences × copies), in the order of the sentences.

    The paper draws u for each word after it has asked for candidates. Here u is drawn first, and candidates asked for
    only where u < p_t (a chance of exactly p_t, since u lies in [0, 1)): a word's candidates don't depend on its u, so
    the copies have the same distribution for p_t of the work.

    A copy has random numbers of its own, from (seed, row, copy), so it depends on no other row, nor on batches, but for
    the rounding of bf16: in batches of another size a candidate at the K-th place may give way to its equal. Where
    words share passes it depends on its row's other copies, too.

    Words of one word piece are the masked language model's, all others the word vectors'. A word without candidates
    stays, and so does one that the model can't be asked for because it lies beyond its `max_length`: the student will
    not read that far either. Words that must lie there (`Sentence.reach`) take no round, and the model's tokenizer gets
    no more than the rest, so that the work grows with the length of a text and not with its square.

    Args:
        first_row: the number of the first sentence in the whole of the data.
        settings: N_a, p_t, and what the model sees; its seed and sizes are not looked at.
        tally: counts are added to it.
    """
    chosen = []
    for row, sentence in enumerate(sentences, start=first_row):
        reach, words = sentence.reach(masked.max_length), sentence.words
        for number in range(settings.copies):
            generator = np.random.Generator(np.random.Philox(np.random.SeedSequence((seed, row, number))))
            u, draws = generator.random((2, len(words))).tolist()
            drawn = zip(words, u, draws, strict=True)
            ahead = [(word, draw) for word, chance, draw in drawn if chance < settings.probability]
            chosen.append(Copy(row, [list(parts) for parts in sentence.sides], ahead[::-1], reach))
        tally["words"] += settings.copies * len(words)
    near = neighbours.find(word.text for copy in chosen for word, _ in copy.ahead if not word.single)
    known = _of_originals(chosen, masked) if settings.context == "original" else {}
    live = chosen
    while live:  # all copies advance together, so that the model is asked for many words at once
        for copy in live:  # to its next word for the masked language model, or to its end
            while copy.ahead and not copy.asks_model(copy.ahead[-1][0]):
                word, draw = copy.ahead.pop()
                tally[copy.replace(word, [] if word.single else near[word.text], draw, "by_vectors")] += 1
        live = [copy for copy in live if copy.ahead]
        steps = [copy.ahead.pop() for copy in live]
        if known:
            answers = [known[copy.row, word] for copy, (word, _) in zip(live, steps, strict=True)]
        else:
            answers = masked.find([copy.place(word) for copy, (word, _) in zip(live, steps, strict=True)])
        for copy, (word, draw), candidates in zip(live, steps, answers, strict=True):
            tally[copy.replace(word, candidates, draw, "by_masked_language_model")] += 1
    return chosen


def _of_originals(copies: Sequence[Copy], masked: MaskedWords) -> dict[tuple[int, Word], Sequence[str]]:
    """The candidates of each word that a copy will ask for, by its row, where nothing has been replaced yet."""
    wanted = {(copy.row, word): copy.place(word) for copy in copies for word, _ in copy.ahead if copy.asks_model(word)}
    return dict(zip(wanted, masked.find(list(wanted.values())), strict=True))
