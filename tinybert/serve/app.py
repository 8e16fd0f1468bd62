"""The HTTP interface of a model: what may be asked, and what is answered."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import HTMLResponse
from fastapi_offline import FastAPIOffline
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from pydantic import BaseModel, ConfigDict, Field

from tinybert.errors import UserError
from tinybert.runtime.predictor import Answer, Predictor, Row
from tinybert.serve.occlusion import weigh_words, without_each_word
from tinybert.serve.queueing import FullError, Queue

PAGE = Path(__file__).parent / "page.html"
SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
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


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class One(Strict):
    """One text, or a pair: a question and its context for a model that answers questions."""

    text: str = Field(examples=["A moving film that never begs for its tears."])
    text_pair: str | None = None


class Many(Strict):
    """Several texts, or pairs."""

    texts: list[str | list[str]] = Field(min_length=1, examples=[["A moving film.", "Dull."]])


class Said(BaseModel):
    """An answer: a class, the labels that apply, a number, or a piece of the context; probabilities by label."""

    label: str | list[str] | float
    probabilities: dict[str, float] | None


class SaidOfOne(Said):
    milliseconds: float


class SaidOfMany(BaseModel):
    answers: list[Said]
    milliseconds: float


class Word(BaseModel):
    """A part of the text; `weight` is how much less probable the answer is without it, null between words."""

    text: str
    weight: float | None
    flips: bool


class Explained(SaidOfOne):
    model: str
    kind: str
    parts: list[Word]


class Health(BaseModel):
    status: str
    model: str
    kind: str
    type: str
    labels: list[str]
    max_length: int
    waiting: int


class Meters:
    """What `/metrics` shows, by Prometheus' own library."""

    def __init__(self, queue: Queue) -> None:
        self.registry = into = CollectorRegistry()
        self.requests = Counter("tinybert_requests", "answered requests", ["path", "status"], registry=into)
        self.seconds = Histogram(
            "tinybert_request_seconds", "from request to answer", ["path"], buckets=SECONDS, registry=into
        )
        self.texts = Counter("tinybert_texts", "texts that the model answered", registry=into)
        self.batches = Histogram(
            "tinybert_batch_texts", "texts that went through together", buckets=SIZES, registry=into
        )
        waiting = Gauge("tinybert_waiting_texts", "texts in the queue", registry=into)
        waiting.set_function(lambda: queue.waiting)
        Gauge("tinybert_queue_texts", "texts that the queue has room for", registry=into).set(queue.room)
        self._queue = queue

    def show(self) -> bytes:
        sizes, self._queue.batches = self._queue.batches, []
        for size in sizes:
            self.batches.observe(size)
            self.texts.inc(size)
        return generate_latest(self.registry)


def create_app(models: Sequence[Predictor], limits: Limits, instances: int) -> FastAPI:
    """The application; of several models the first is the one that `/predict` asks, the page shows all.

    Args:
        instances: of a model that is run one text at a time, at work together.
    """
    queues = [Queue(model, limits.queue, limits.batch, instances) for model in models]
    model, meters = models[0], Meters(queues[0])

    @asynccontextmanager
    async def answering(_: FastAPI) -> AsyncIterator[None]:
        for queue in queues:
            queue.start()
        yield
        for queue in queues:
            await queue.stop()

    app = FastAPIOffline(
        redoc_url=None, title=f"tinybert · {model.name}", description=f"{model.kind}, {model.type}", lifespan=answering
    )

    @app.middleware("http")
    async def measure(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
        started = time.perf_counter()
        if int(request.headers.get("content-length") or 0) > limits.bytes:
            response = Response(f"expected a body of at most {limits.bytes:,} bytes", status_code=413)
        else:
            response = await answer(request)
        route = request.scope.get("route")
        path = getattr(route, "path", "other")
        meters.requests.labels(path, response.status_code).inc()
        meters.seconds.labels(path).observe(time.perf_counter() - started)
        return response

    async def ask(queue: Queue, rows: list[Row]) -> tuple[list[Answer], float]:
        """The answers, and the milliseconds that they took."""
        started = time.perf_counter()
        try:
            answers = await queue.ask(rows)
        except FullError:
            raise HTTPException(429, "too much to do at the moment", {"Retry-After": "1"}) from None
        except UserError as error:
            raise HTTPException(422, str(error)) from None
        return answers, round(1000 * (time.perf_counter() - started), 3)

    @app.post("/predict", responses=REFUSALS)
    async def predict(asked: One | Many) -> SaidOfOne | SaidOfMany:
        rows = [require_row(each, limits) for each in ([_row(asked)] if isinstance(asked, One) else asked.texts)]
        if len(rows) > limits.texts:
            raise HTTPException(422, f"texts: expected at most {limits.texts} in a request, found {len(rows)}")
        answers, milliseconds = await ask(queues[0], rows)
        if isinstance(asked, One):
            return SaidOfOne(**_said(answers[0]), milliseconds=milliseconds)
        return SaidOfMany(answers=[Said(**_said(answer)) for answer in answers], milliseconds=milliseconds)

    @app.post("/explain", responses=REFUSALS)
    async def explain(asked: One) -> list[Explained]:
        """What each model says of a text, and how it changes as each word is left out."""
        row = require_row(_row(asked), limits)
        found = []
        for queue in queues:
            (answer,), milliseconds = await ask(queue, [row])
            answers, _ = await ask(queue, without_each_word(row))
            parts = [Word(**part._asdict()) for part in weigh_words(row[-1], answers)]
            said: dict[str, Any] = _said(answer) | {"model": queue.model.name, "kind": queue.model.kind}
            found.append(Explained(**said, milliseconds=milliseconds, parts=parts))
        return found

    @app.get("/health")
    async def health() -> Health:
        return Health(
            status="ok", model=model.name, kind=model.kind, type=model.type, labels=model.labels,
            max_length=model.max_length, waiting=queues[0].waiting,
        )  # fmt: skip

    @app.get("/metrics", response_class=Response)
    async def metrics() -> Response:
        return Response(meters.show(), media_type=CONTENT_TYPE_LATEST)

    @app.get("/", include_in_schema=False)
    async def page() -> HTMLResponse:
        return HTMLResponse(PAGE.read_text(encoding="utf-8"), headers=SAFE)

    return app


REFUSALS: dict[int | str, dict[str, Any]] = {429: {"description": "the queue is full; try again"}}
SAFE = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'"}  # fmt: skip
"""The page loads nothing from anywhere, and sends nothing but to its own server."""


def require_row(asked: str | Sequence[str], limits: Limits) -> Row:
    """What a request asks of, as a model's row.

    Raises:
        HTTPException: 422, it is neither a text nor two, or a text is too long.
    """
    row = (asked,) if isinstance(asked, str) else tuple(asked)
    if not 1 <= len(row) <= 2:
        raise HTTPException(422, f"texts: expected a text or a pair of texts, found {len(row)} together")
    if (longest := max(map(len, row))) > limits.characters:
        raise HTTPException(422, f"expected texts of at most {limits.characters:,} characters, found {longest:,}")
    return row


def _row(asked: One) -> Row:
    return (asked.text,) if asked.text_pair is None else (asked.text, asked.text_pair)


def _said(answer: Answer) -> dict[str, Any]:
    return {"label": answer.label, "probabilities": answer.probabilities}
