"""A package index and a hub of the tests' own, on the loopback interface; they misbehave in the ways of networks."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import sleep
from typing import TypeVar

import pytest

from tests.sources.hub_server import Hub, HubHandler
from tests.sources.serving import Answers
from tinybert.sources.pip_config import PipSettings

Answer = TypeVar("Answer")


@dataclass
class Index:
    """A simple index (PEP 503).

    Args:
        files: what it offers.
        mishaps: of the next answers for files, one each: `("cut", n)` hangs up after n bytes, `("status", n)` answers
            with that HTTP status.
        page_mishaps: HTTP statuses of the next answers for pages.
        ranges: whether it knows `Range`.
        redirect: whether its links lead to a redirect.
        login: `user:password@` that its links hold.
        pause: seconds before it answers a request for a file.
        requests: (path, Range header) of all that was asked.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    mishaps: list[tuple[str, int]] = field(default_factory=list)
    page_mishaps: list[int] = field(default_factory=list)
    ranges: bool = True
    redirect: bool = False
    login: str = ""
    pause: float = 0
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    url: str = ""

    @property
    def settings(self) -> PipSettings:
        return PipSettings(index_urls=(f"{self.url}/simple/",), timeout=5)

    def asked_for_files(self) -> list[str | None]:
        """The Range headers of the requests for files, in order."""
        return [header for path, header in self.requests if path.startswith("/files/")]


class _Handler(Answers, BaseHTTPRequestHandler):
    index: Index

    def do_GET(self) -> None:
        self.index.requests.append((self.path, self.headers.get("Range")))
        if self.path.startswith("/simple/"):
            self._page()
        elif self.path.startswith("/old/"):
            self._answer(302, b"", {"Location": self.path.replace("/old/", "/files/")})
        else:
            sleep(self.index.pause)
            name = self.path.removeprefix("/files/").partition("?")[0]
            self._bytes(self.index.files[name], self.index.mishaps, self.index.ranges)

    def _page(self) -> None:
        if self.index.page_mishaps:
            return self._answer(self.index.page_mishaps.pop(0), b"")
        name = self.path.removeprefix("/simple/").strip("/")
        folder = "old" if self.index.redirect else "files"
        root = self.index.url.replace("://", f"://{self.index.login}") if self.index.login else ""
        links = [f'<a href="{root}/{folder}/{file}">{file}</a>' for file in self.index.files if _project(file) == name]
        status = 200 if links else 404
        return self._answer(status, "\n".join(links).encode(), {"Content-Type": "text/html"})


def _project(file: str) -> str:
    return file.split("-")[0].lower().replace("_", "-")


@contextmanager
def _serving(handler: type[BaseHTTPRequestHandler], **state: object) -> Iterator[str]:
    """The URL of a server in a thread."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (handler,), state))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def index() -> Iterator[Index]:
    state = Index()
    with _serving(_Handler, index=state) as state.url:
        yield state


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """In the place of the real one, with nobody logged in."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)  # another test may have imported it so
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", "there-is-none")
    monkeypatch.delenv("HF_TOKEN", raising=False)
    state = Hub()
    with _serving(HubHandler, hub=state) as state.url:
        monkeypatch.setenv("HF_ENDPOINT", state.url)
        yield state


@pytest.fixture
def quick_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty working folder, and short pauses between attempts."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("time.sleep", lambda seconds: sleep(min(seconds, 0.001)))


def at_once(call: Callable[[], Answer]) -> list[Answer]:
    """What two calls at the same time return, as of two stages that are run side by side."""
    with ThreadPoolExecutor(2) as pool:
        return [call.result() for call in [pool.submit(call) for _ in range(2)]]


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
