"""What a masked language model would put in a word's place."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from tinybert.augment.words import bare_tokenizer
from tinybert.models.loading import takes_types
from tinybert.tokens.encoding import TYPES, Padding, model_inputs

APART = 6
"""Tokens between two that are masked in one pass: what the model expects at one hangs on few beyond."""
Query = tuple[int, ...]
"""The token ids of a text or pair with its masks."""


class Place(NamedTuple):
    """A word in a text or pair: texts, the side that it is on, and the index of its first character there."""

    texts: tuple[str, ...]
    side: int
    start: int


class MaskedWords:
    """The K most probable whole words at a masked position, for many texts at once.

    The vocabulary head is the largest matrix of a small model. It is applied to the masked position only, and its rows
    for whole words only, so that nearly all of the time goes into the encoder.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        k: int,
        max_length: int,
        batch_size: int,
        masks: int = 1,
    ) -> None:
        """Takes the model over: its output layer is cut down to whole words.

        Args:
            model: with a masked-language head, in the precision to compute in and on the device to compute on.
            max_length: tokens that the model sees of a text or pair, special ones among them.
            batch_size: texts in one pass of the model.
            masks: words of a text that are masked in one pass, at least `APART` tokens from each other.
        """
        self._backend = bare_tokenizer(tokenizer)
        self._backend.enable_truncation(max_length)
        self.max_length = max_length
        self._mask, self._collate = tokenizer.mask_token_id, Padding(tokenizer.pad_token_id)
        self._typed = takes_types(model.config)
        words = whole_words(tokenizer)
        self._words = np.array(list(words.values()), dtype=object)
        self._k = min(k, len(words))
        self._batch_size, self._masks = batch_size, masks
        self._model = model.eval()
        self._positions = torch.empty(0, dtype=torch.long)
        self._narrow_head(torch.tensor(list(words), device=model.device))
        self._pick_masked()

    def find(self, places: Sequence[Place]) -> list[Sequence[str]]:
        """The candidates at each place, in the vocabulary's order; none at one beyond `max_length`.

        Places of one text share passes, where `masks` allows it.
        """
        texts = [place.texts if len(place.texts) > 1 else place.texts[0] for place in places]
        encodings = self._backend.encode_batch(texts)
        positions: dict[tuple[str, ...], set[int]] = defaultdict(set)
        asked: list[int | None] = []
        for place, encoding in zip(places, encodings, strict=True):
            asked.append(encoding.char_to_token(place.start, place.side) if self._k else None)
            if asked[-1] is not None:
                positions[place.texts].add(asked[-1])
        passes = {texts: _share_passes(sorted(of_texts), self._masks) for texts, of_texts in positions.items()}
        queries: dict[Query, dict[str, Any]] = {}
        of_place: list[tuple[Query, int]] = []
        for place, encoding, position in zip(places, encodings, asked, strict=True):
            if position is None:
                of_place.append(((), 0))
                continue
            together = next(each for each in passes[place.texts] if position in each)
            ids = encoding.ids
            for each in together:
                ids[each] = self._mask
            # Copies of a sentence are alike until their first replacements: what is asked twice is computed once.
            types = {TYPES: encoding.type_ids} if self._typed else {}
            queries.setdefault(tuple(ids), {"input_ids": ids, "position": together} | types)
            of_place.append((tuple(ids), together.index(position)))
        by_length = sorted(queries, key=len)
        answers: dict[Query, Sequence[Sequence[str]]] = {(): [()]}
        for start in range(0, len(by_length), self._batch_size):
            batch = by_length[start : start + self._batch_size]
            answers.update(zip(batch, self._words[self._forward([queries[ids] for ids in batch])], strict=True))
        return [answers[ids][number] for ids, number in of_place]

    @torch.inference_mode()
    def _forward(self, queries: list[dict[str, Any]]) -> np.ndarray:
        """Indices of the K most probable words, (texts, masks, K), each row in increasing order.

        In the vocabulary's order rather than that of probability: a uniform draw needs no order, and this one stays
        when rounding swaps two of nearly equal probability.
        """
        most = max(len(query["position"]) for query in queries)
        for query in queries:  # those with fewer masks read their first one again
            query["position"] = query["position"] + query["position"][:1] * (most - len(query["position"]))
        batch = {name: tensor.to(self._model.device) for name, tensor in self._collate(queries).items()}
        self._positions = batch["position"]
        logits = self._model(**model_inputs(batch)).logits
        return np.sort(logits.topk(self._k, sorted=False).indices.cpu().numpy(), axis=-1)

    def _pick_masked(self) -> None:
        """Let only the masked positions through, (texts, masks, hidden), as early as the architecture allows.

        In models laid out as BERT is, that is after the last layer's attention, so that its feed-forward part has these
        alone to compute; in others it is before the head.
        """

        def at_masked(hidden: Tensor) -> Tensor:
            texts = torch.arange(len(self._positions), device=self._positions.device)
            return hidden[texts[:, None], self._positions]

        def masked_output(_: nn.Module, __: Any, output: Any) -> None:
            output.last_hidden_state = at_masked(output.last_hidden_state)

        layers = getattr(getattr(self._model.base_model, "encoder", None), "layer", None)
        early = getattr(getattr(layers[-1], "attention", None), "output", None) if layers else None
        if early is not None:
            early.register_forward_pre_hook(lambda _, inputs: tuple(map(at_masked, inputs)))
        else:
            self._model.base_model.register_forward_hook(masked_output)

    def _narrow_head(self, ids: Tensor) -> None:
        """Replace the output layer by its rows `ids`; where a head has none of its own, take these of its logits."""
        full = self._model.get_output_embeddings()
        if full.out_features != self._model.config.vocab_size:  # a newer DeBERTa's head uses the words' embeddings

            def whole_words_only(_: nn.Module, __: Any, output: Any) -> None:
                output.logits = output.logits[..., ids]

            self._model.register_forward_hook(whole_words_only)
            return
        narrow = nn.Linear(full.in_features, len(ids), device=full.weight.device, dtype=full.weight.dtype)
        with torch.no_grad():
            narrow.weight.copy_(full.weight[ids])
            narrow.bias.copy_(full.bias[ids])
        self._model.set_output_embeddings(narrow)


def _share_passes(positions: list[int], masks: int) -> list[list[int]]:
    """Increasing positions, dealt to as few passes as the first fit finds: each `APART` from the last one there."""
    passes: list[list[int]] = []
    for position in positions:
        free = (each for each in passes if len(each) < masks and position - each[-1] >= APART)
        into = next(free, None)
        if into is None:
            passes.append([position])
        else:
            into.append(position)
    return passes


def whole_words(tokenizer: PreTrainedTokenizerBase) -> dict[int, str]:
    """The alphabetic words among the vocabulary's entries, by id in increasing order.

    An entry is a word when its text, standing alone, is tokenised into just that entry: no piece of a word (`##ing`),
    no special token, nothing that the normaliser would turn into something else.
    """
    backend = bare_tokenizer(tokenizer)
    entries = sorted(set(backend.get_vocab(with_added_tokens=True).values()) - set(tokenizer.all_special_ids))
    texts = {index: backend.decode([index]).strip() for index in entries}
    words = [(index, text) for index, text in texts.items() if text.isalpha()]
    encodings = backend.encode_batch([f" {text}" for _, text in words], add_special_tokens=False)
    return {index: text for (index, text), encoding in zip(words, encodings, strict=True) if encoding.ids == [index]}
