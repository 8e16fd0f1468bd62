"""The HTTP interface of a model: what may be asked, and what is answered."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi_offline import FastAPIOffline
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from tinybert.errors import UserError
from tinybert.runtime.predictor import Answer, Predictor, Row
from tinybert.serve.limits import Gate, Limits, require_row
from tinybert.serve.meters import Meters
from tinybert.serve.occlusion import weigh_words, without_each_word
from tinybert.serve.queueing import FullError, Queue

PAGE = Path(__file__).parent / "page.html"


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class One(Strict):
    """One text, or a pair: a question and its context for a model that answers questions."""

    text: str = Field(examples=["A moving film that never begs for its tears."])
    text_pair: str | None = None


class Many(Strict):
    """Several texts, or pairs."""

    texts: list[str | list[str]] = Field(min_length=1, examples=[["A moving film.", "Dull."]])


def _kind(asked: Any) -> str:
    return "many" if isinstance(asked, Many) or (isinstance(asked, dict) and "texts" in asked) else "one"


Asked = Annotated[Annotated[One, Tag("one")] | Annotated[Many, Tag("many")], Discriminator(_kind)]
"""By its keys, so that a mistake is told of the one that was meant, not of both."""


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
        redoc_url=None,
        title=f"tinybert · {model.name}",
        description=f"{model.kind}, {model.type}",
        lifespan=answering,
        swagger_ui_parameters={"validatorUrl": None},  # else the page shows the description to a server elsewhere
    )

    app.add_middleware(Gate, most=limits.bytes, meters=meters)

    @app.exception_handler(RequestValidationError)
    async def explain_mistake(_: Request, error: RequestValidationError) -> JSONResponse:
        """In one line, without what was sent: half a character can't be sent back."""
        lines = {f"{'.'.join(map(str, each['loc'][1:])) or 'body'}: {each['msg']}" for each in error.errors()}
        return JSONResponse({"detail": "; ".join(sorted(lines)).encode(errors="replace").decode()}, 422)

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
    async def predict(asked: Asked) -> SaidOfOne | SaidOfMany:
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


def _row(asked: One) -> Row:
    return (asked.text,) if asked.text_pair is None else (asked.text, asked.text_pair)


def _said(answer: Answer) -> dict[str, Any]:
    return {"label": answer.label, "probabilities": answer.probabilities}
