"""`python -m tinybert serve`: the server's life, from an open port to the last answer."""

from __future__ import annotations

import signal
import socket
from collections.abc import Sequence
from pathlib import Path

import uvicorn

from tinybert.errors import UserError
from tinybert.running.parallel import count_cores
from tinybert.runtime.predictor import Predictor
from tinybert.serve.app import create_app
from tinybert.serve.limits import Limits
from tinybert.serve.open import open_model

BACKLOG = 2048
"""Connections that wait to be taken; at twice the load that it can take it still takes all, to refuse some with 429."""
LAST = 30
"""Seconds for the answers that are under way when it is told to end."""


def run(folders: list[Path], host: str, port: int, limits: Limits, threads: int, fp32: bool) -> None:
    """Serve the first model, and show the others beside it, until a SIGTERM or Ctrl-C; what was asked is answered.

    Args:
        threads: of all work together; 0 is one for each core.
        fp32: take the ONNX file in fp32 though there is one in int8.

    Raises:
        UserError: the port is taken, or a folder holds no model that can be read.
    """
    threads = threads or count_cores()
    listening = bind(host, port)  # before models are loaded, which takes seconds
    serve_models([open_model(folder, threads, fp32) for folder in folders], listening, limits, threads)


def serve_models(models: Sequence[Predictor], listening: socket.socket, limits: Limits, threads: int) -> None:
    """Answer with models that are open, at a socket that is bound; see `run`."""
    host, port = listening.getsockname()[:2]
    app = create_app(models, limits, threads)
    server = uvicorn.Server(
        uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=LAST, server_header=False)
    )

    def end(*_: object) -> None:
        """When it is done uvicorn raises again what ended it: by the system's handlers that would be no exit of 0."""
        server.should_exit = True

    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, end)
    shown = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    for model in models:
        print(": ".join([model.name, ", ".join([model.kind, model.type, *model.labels])]))
    print(f"{shown}  the page; {shown}/predict to ask; {shown}/docs says how; Ctrl-C ends", flush=True)
    server.run(sockets=[listening])


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens: of two that are only bound both would have the port. Who asks now waits for the models.

    Raises:
        UserError: another program has the port, or this machine isn't called so.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        found = socket.socket(family, kind, protocol)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
        found.listen(BACKLOG)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{host}:{port}: can't listen there: {reason}; take another --port, or --host") from None
    return found
