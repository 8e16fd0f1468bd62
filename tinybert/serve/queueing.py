"""A bounded queue in front of a model: what can't be answered soon is refused at once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from tinybert.runtime.predictor import Answer, Predictor, Row

GLANCE = 0.002
"""Seconds between two looks at whether all is answered."""


class FullError(Exception):
    """The queue has no room for a request."""


class _Asked(NamedTuple):
    rows: Sequence[Row]
    answers: asyncio.Future[list[Answer]]


class Queue:
    """Texts that wait for a model.

    A model that is run one text at a time has so many instances at work, each with a request; any other answers what
    waits together, a batch after the other.

    Attributes:
        room: texts that may wait, those at work among them.
        waiting: texts that do.
        batches: sizes of what went through together, since this was last emptied.
    """

    def __init__(self, model: Predictor, room: int, most: int, instances: int) -> None:
        """
        Args:
            most: texts of one batch.
            instances: of a model that is run one text at a time.
        """
        self.model, self.room, self.waiting = model, room, 0
        self.batches: list[int] = []
        self._most = most
        self._instances = instances if model.one_by_one else 1
        self._asked: asyncio.Queue[_Asked] = asyncio.Queue()
        self._pool = ThreadPoolExecutor(self._instances, "model")
        self._runners: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to answer, on the running event loop."""
        self._runners = [asyncio.create_task(self._run()) for _ in range(self._instances)]

    async def stop(self) -> None:
        """Answer what waits, then end."""
        while self.waiting:
            await asyncio.sleep(GLANCE)
        for runner in self._runners:
            runner.cancel()
        await asyncio.gather(*self._runners, return_exceptions=True)
        self._pool.shutdown()

    async def ask(self, rows: Sequence[Row]) -> list[Answer]:
        """Answers to the rows, in their order.

        Raises:
            FullError: there is no room for all of them. A request that is larger than the queue passes an empty one.
            UserError: the model can't answer these rows.
        """
        if self.waiting and self.waiting + len(rows) > self.room:
            raise FullError
        self.waiting += len(rows)
        try:
            asked = _Asked(rows, asyncio.get_running_loop().create_future())
            self._asked.put_nowait(asked)
            return await asked.answers
        finally:
            self.waiting -= len(rows)

    async def _run(self) -> None:
        while True:
            batch = [await self._asked.get()]
            if not self.model.one_by_one:
                self._gather(batch)
            # One who asked and went away is not worked for.
            batch = [asked for asked in batch if not asked.answers.done()]
            if batch:
                await self._answer(batch)

    def _gather(self, batch: list[_Asked]) -> None:
        """Add what else waits, as far as a batch holds it: what came while the last one was at work."""
        size = len(batch[0].rows)
        while size < self._most and not self._asked.empty():
            batch.append(self._asked.get_nowait())
            size += len(batch[-1].rows)

    async def _answer(self, batch: list[_Asked]) -> None:
        """Give each its answers; where the rows of one can't be answered, only that one is told so."""
        rows = [row for asked in batch for row in asked.rows]
        loop = asyncio.get_running_loop()
        try:
            answers = await loop.run_in_executor(self._pool, self.model.answer, rows)
        except Exception as error:  # whatever it is, it belongs to those who asked, and the queue goes on
            if len(batch) > 1:
                for asked in batch:
                    await self._answer([asked])
            elif not batch[0].answers.done():
                batch[0].answers.set_exception(error)
            return
        self.batches.append(len(rows))
        start = 0
        for asked in batch:
            if not asked.answers.done():
                asked.answers.set_result(answers[start : start + len(asked.rows)])
            start += len(asked.rows)
