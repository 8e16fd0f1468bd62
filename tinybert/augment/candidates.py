"""What a masked language model would put in a word's place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from tinybert.augment.words import bare_tokenizer


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
        self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, k: int, max_length: int, batch_size: int
    ) -> None:
        """Takes the model over: its output layer is cut down to whole words.

        Args:
            model: with a masked-language head, in the precision to compute in and on the device to compute on.
            max_length: tokens that the model sees of a text or pair, special ones among them.
            batch_size: texts in one pass of the model.
        """
        self._backend = bare_tokenizer(tokenizer)
        self._backend.enable_truncation(max_length)
        self.max_length = max_length
        self._mask, self._pad = tokenizer.mask_token_id, tokenizer.pad_token_id
        self._typed = getattr(model.config, "type_vocab_size", 0) > 1
        words = whole_words(tokenizer)
        self._words = np.array(list(words.values()), dtype=object)
        self._k = min(k, len(words))
        self._batch_size = batch_size
        self._model = model.eval()
        self._positions = torch.empty(0, dtype=torch.long)
        self._narrow_head(torch.tensor(list(words), device=model.device))
        self._pick_masked()

    def find(self, places: Sequence[Place]) -> list[Sequence[str] | None]:
        """The candidates at each place, in the vocabulary's order; None where there are none (beyond `max_length`)."""
        encodings = self._backend.encode_batch(
            [place.texts if len(place.texts) > 1 else place.texts[0] for place in places]
        )
        queries: dict[tuple[int, ...], tuple[int, list[int]]] = {}  # masked ids → position, token types
        asked: list[tuple[int, ...] | None] = []
        for place, encoding in zip(places, encodings, strict=True):
            position = encoding.char_to_token(place.start, place.side)
            if position is None or not self._k:
                asked.append(None)
                continue
            ids = encoding.ids
            ids[position] = self._mask
            key = tuple(ids)
            asked.append(key)
            # Copies of a sentence are alike until their first replacements: what is asked twice is computed once.
            queries.setdefault(key, (position, encoding.type_ids))
        by_length = sorted(queries, key=len)
        answers: dict[tuple[int, ...] | None, Sequence[str] | None] = {None: None}
        for start in range(0, len(by_length), self._batch_size):
            batch = by_length[start : start + self._batch_size]
            top = self._forward(batch, [queries[key] for key in batch])
            answers.update(zip(batch, self._words[top], strict=True))
        return [answers[key] for key in asked]

    @torch.inference_mode()
    def _forward(self, batch: list[tuple[int, ...]], queries: list[tuple[int, list[int]]]) -> np.ndarray:
        """Indices of the K most probable words, (texts, K), each row in increasing order.

        In the vocabulary's order rather than that of probability: a uniform draw needs no order, and this one stays
        when rounding swaps two of nearly equal probability.
        """
        device = self._model.device
        inputs = {
            "input_ids": self._padded(batch, self._pad),
            "attention_mask": self._padded([[1] * len(ids) for ids in batch], 0),
        }
        if self._typed:
            inputs["token_type_ids"] = self._padded([types for _, types in queries], 0)
        self._positions = torch.tensor([position for position, _ in queries], device=device)
        logits = self._model(**{name: value.to(device) for name, value in inputs.items()}).logits[:, 0]
        return np.sort(logits.topk(self._k, sorted=False).indices.cpu().numpy(), axis=1)

    @staticmethod
    def _padded(rows: Sequence[Sequence[int]], fill: int) -> Tensor:
        array = np.full((len(rows), max(map(len, rows))), fill, dtype=np.int64)
        for line, row in zip(array, rows, strict=True):
            line[: len(row)] = row
        return torch.from_numpy(array)

    def _pick_masked(self) -> None:
        """Let only the masked position through, (texts, 1, hidden), as early as the architecture allows.

        In models laid out as BERT is, that is after the last layer's attention, so that its feed-forward part has a
        single position to compute; in others it is before the head.
        """

        def at_masked(hidden: Tensor) -> Tensor:
            texts = torch.arange(len(self._positions), device=self._positions.device)
            return hidden[texts, self._positions].unsqueeze(1)

        def masked_only(_: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
            return tuple(map(at_masked, inputs))

        def masked_output(_: nn.Module, __: Any, output: Any) -> Any:
            output.last_hidden_state = at_masked(output.last_hidden_state)
            return output

        layers = getattr(getattr(self._model.base_model, "encoder", None), "layer", None)
        early = getattr(getattr(layers[-1], "attention", None), "output", None) if layers else None
        if early is not None:
            early.register_forward_pre_hook(masked_only)
        else:
            self._model.base_model.register_forward_hook(masked_output)

    def _narrow_head(self, ids: Tensor) -> None:
        """Replace the output layer by its rows `ids`; where a head has none of its own, take these of its logits."""
        full = self._model.get_output_embeddings()
        if full.out_features != self._model.config.vocab_size:  # a newer DeBERTa's head uses the words' embeddings

            def whole_words_only(_: nn.Module, __: Any, output: Any) -> Any:
                output.logits = output.logits[..., ids]
                return output

            self._model.register_forward_hook(whole_words_only)
            return
        narrow = nn.Linear(full.in_features, len(ids), device=full.weight.device, dtype=full.weight.dtype)
        with torch.no_grad():
            narrow.weight.copy_(full.weight[ids])
            narrow.bias.copy_(full.bias[ids])
        self._model.set_output_embeddings(narrow)


def whole_words(tokenizer: PreTrainedTokenizerBase) -> dict[int, str]:
    """The alphabetic words among the vocabulary's entries, by id in increasing order.

    An entry is a word when its text, standing alone, is tokenised into just that entry: no piece of a word (`##ing`),
    no special token, nothing that the normaliser would turn into something else.
    """
    backend = bare_tokenizer(tokenizer)
    special = set(tokenizer.all_special_ids)
    texts = {
        index: backend.decode([index]).strip() for index in sorted(backend.get_vocab(with_added_tokens=True).values())
    }
    words = {index: text for index, text in texts.items() if text.isalpha() and index not in special}
    encodings = backend.encode_batch([f" {text}" for text in words.values()], add_special_tokens=False)
    return {
        index: word for (index, word), encoding in zip(words.items(), encodings, strict=True) if encoding.ids == [index]
    }
