"""What one request may ask, and what stands around all of them: a limit of bytes, and a clock."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tinybert.runtime.predictor import Row
from tinybert.serve.meters import Meters

BYTES_A_CHARACTER = 6
"""At most, in JSON: `\\u0041`."""


@dataclass(frozen=True)
class Limits:
    """What is refused: with 422 a request that is too large, with 429 one that the queue has no room for.

    Attributes:
        texts: of one request.
        characters: of one text.
        queue: texts that wait.
        batch: texts that go through the model together.
    """

    texts: int = 256
    characters: int = 20_000
    queue: int = 512
    batch: int = 32

    @property
    def bytes(self) -> int:
        """Of a request's body."""
        return 2 * BYTES_A_CHARACTER * self.texts * self.characters


def require_row(asked: str | Sequence[str], limits: Limits) -> Row:
    """What a request asks of, as a model's row.

    Raises:
        HTTPException: 422, it is neither a text nor two, or a text is too long, or none that a tokenizer can read.
    """
    row = (asked,) if isinstance(asked, str) else tuple(asked)
    if not 1 <= len(row) <= 2:
        raise HTTPException(422, f"texts: expected a text or a pair of texts, found {len(row)} together")
    if (longest := max(map(len, row))) > limits.characters:
        raise HTTPException(422, f"expected texts of at most {limits.characters:,} characters, found {longest:,}")
    if any("\ud800" <= letter <= "\udfff" for text in row for letter in text):
        raise HTTPException(422, "expected Unicode, found half a character: a surrogate that stands alone")
    return row


class Gate:
    """Stops reading a body that is too long, whatever its head says, and measures each request.

    Plain ASGI: Starlette's own middleware starts a task a request, and would hold a whole body before it is counted.
    """

    def __init__(self, app: ASGIApp, most: int, meters: Meters) -> None:
        self._app, self._most, self._meters = app, most, meters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, read, status = time.perf_counter(), 0, 500

        async def limited() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._most:
                raise HTTPException(413, f"expected a body of at most {self._most:,} bytes", {"Connection": "close"})
            return message

        async def noted(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self._app(scope, limited, noted)
        finally:
            path = getattr(scope.get("route"), "path", "other")
            self._meters.count(path, status, time.perf_counter() - started)
