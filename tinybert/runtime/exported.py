"""An exported folder with its tokenizer: from texts to logits, or to pieces of a context, without torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Encoding, Tokenizer

from tinybert.errors import UserError
from tinybert.running.parallel import count_cores
from tinybert.runtime.predictor import Answer, Predictor, Row, batches_by_length
from tinybert.runtime.session import DYNAMIC, INT8, TYPES, Session, int8_method

TOKENIZER = "tokenizer.json"


class ExportedPredictor(Predictor):
    """Classes, labels or a number of each row.

    As many passes of one thread run at once as there are workers: faster than one of all threads, since texts are
    short, and the only way where each text goes through by itself.
    """

    def __init__(self, folder: Path, file: Path, config: Mapping[str, Any], threads: int) -> None:
        super().__init__(folder, "onnx int8" if file == folder / INT8 else "onnx", config)
        self.one_by_one = file == folder / INT8 and int8_method(folder) == DYNAMIC
        self._session = Session(file, threads=1)
        self._tokenizer = load_tokenizer(folder)
        self._padding = int(config.get("pad_token_id") or 0)
        self.max_length = (self._tokenizer.truncation or {}).get("max_length", 0)
        self._workers = threads or count_cores()
        self._pool = ThreadPoolExecutor(self._workers, "predict")

    def logits(self, rows: Sequence[Row]) -> np.ndarray:
        encodings = self._tokenizer.encode_batch([row if len(row) > 1 else row[0] for row in rows])
        return np.stack(self._run(encodings, "logits"))

    def _run(self, encodings: Sequence[Encoding], *names: str) -> list[Any]:
        """Each encoding's outputs of these names, a tuple where there are several: of logits (classes,), of starts and
        ends (tokens,), those of padding among them.
        """
        found: list[Any] = [None] * len(encodings)

        def work(places: list[int]) -> None:
            outputs = self._session.run(self._batch([encodings[place] for place in places]))
            for number, place in enumerate(places):
                each = tuple(outputs[name][number] for name in names)
                found[place] = each if len(each) > 1 else each[0]

        batches = batches_by_length([len(each) for each in encodings], self._workers, self.one_by_one)
        list(self._pool.map(work, batches))
        return found

    def _batch(self, encodings: Sequence[Encoding]) -> dict[str, np.ndarray]:
        shape = (len(encodings), max(len(each) for each in encodings))
        ids, types, mask = np.full(shape, self._padding, np.int64), np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        for number, each in enumerate(encodings):
            ids[number, : len(each)], types[number, : len(each)], mask[number, : len(each)] = each.ids, each.type_ids, 1
        return {"input_ids": ids, TYPES: types, "attention_mask": mask}


class ExportedSpans(ExportedPredictor):
    """Pieces of a context as answers to questions, by the rule that the model was scored with: the span of the largest
    sum of its ends' logits, in any window; "" where that of no answer is larger by the model's threshold.
    """

    def __init__(self, folder: Path, file: Path, config: Mapping[str, Any], threads: int) -> None:
        super().__init__(folder, file, config, threads)
        self._reading = config["span"]
        self._tokenizer.enable_truncation(self.max_length, stride=self._reading["stride"], strategy="only_second")

    def _answer(self, rows: Sequence[Row]) -> list[Answer]:
        try:
            encodings = self._tokenizer.encode_batch(list(rows))
        except Exception as error:  # of no narrower class: a question that leaves no room
            raise UserError(f"{self.name}: expected questions that leave room for a context ({error})") from None
        windows = [(row, each) for row, whole in enumerate(encodings) for each in (whole, *whole.overflowing)]
        said = self._run([each for _, each in windows], "start_logits", "end_logits")
        best = [(-np.inf, "")] * len(rows)
        nothing = np.full(len(rows), np.inf)
        for (row, window), (starts, ends) in zip(windows, said, strict=True):
            nothing[row] = min(nothing[row], float(starts[0] + ends[0]))
            if (found := self._best_span(window, starts, ends, rows[row][1])) and found[0] > best[row][0]:
                best[row] = found
        if not self._reading["no_answer"]:
            return [Answer(text) for _, text in best]
        threshold = self._reading["threshold"]
        return [
            Answer(text if none - score <= threshold else "") for (score, text), none in zip(best, nothing, strict=True)
        ]

    def _best_span(
        self, window: Encoding, starts: np.ndarray, ends: np.ndarray, context: str
    ) -> tuple[float, str] | None:
        places = [place for place, side in enumerate(window.sequence_ids) if side == 1]
        if not places:
            return None
        first, last = places[0], places[-1] + 1
        sums = starts[first:last, None] + ends[None, first:last]
        reach = self._reading["longest_answer"]
        allowed = np.triu(np.ones_like(sums, bool)) & ~np.triu(np.ones_like(sums, bool), reach)
        start, end = np.unravel_index(np.where(allowed, sums, -np.inf).argmax(), sums.shape)
        text = context[window.offsets[first + start][0] : window.offsets[first + end][1]]
        return float(sums[start, end]), text.strip()

    def logits(self, rows: Sequence[Row]) -> np.ndarray:
        raise NotImplementedError


def load_tokenizer(folder: Path) -> Tokenizer:
    """An exported folder's, which cuts where the model was trained to and pads nothing.

    Raises:
        UserError: it isn't there, or can't be read.
    """
    path = folder / TOKENIZER
    if not path.exists():
        raise UserError(f"{folder}: expected a model with its tokenizer, found no {TOKENIZER}; export it anew")
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # it raises nothing narrower
        raise UserError(f"{path}: no tokenizer that can be read ({error}); export it anew") from None
    tokenizer.no_padding()
    return tokenizer
