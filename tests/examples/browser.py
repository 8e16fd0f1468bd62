"""A headless Chromium, told what to do over two pipes, in its DevTools' protocol."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
"""Its program, where there is one."""
OPTIONS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe")
"""As root there is no sandbox; the page is our own."""


@contextmanager
def page(program: str, url: str, profile: Path, seconds: float) -> Iterator[Callable[[str], Any]]:
    """A function that evaluates JavaScript in the page at `url`, and waits for its promise.

    Args:
        profile: a folder for what the browser keeps.
        seconds: the longest that anything may take.
    """
    (commands, ours), (theirs, answers) = os.pipe(), os.pipe()
    # bash, since dash knows file descriptors of one digit only; the browser's are 3 and 4
    start = f'exec "$0" "$@" 3<&{commands} 4>&{answers}'
    browser = subprocess.Popen(
        ["bash", "-c", start, program, *OPTIONS, f"--user-data-dir={profile}", "about:blank"],
        pass_fds=(commands, answers), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(commands)
    os.close(answers)
    number, left = 0, b""

    def call(method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        nonlocal number, left
        number, end = number + 1, monotonic() + seconds
        message = {"id": number, "method": method, "params": params} | ({"sessionId": session} if session else {})
        os.write(ours, json.dumps(message).encode() + b"\0")
        while True:
            while b"\0" not in left:
                assert select.select([theirs], [], [], max(0.0, end - monotonic()))[0], f"{method}: no answer"
                read = os.read(theirs, 1 << 16)
                assert read, "the browser is gone"
                left += read
            line, _, left = left.partition(b"\0")
            answer = json.loads(line)
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return dict(answer["result"])

    def evaluate(expression: str) -> Any:
        result = call("Runtime.evaluate", session, expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    try:
        target = call("Target.createTarget", url=url)["targetId"]
        session = call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        yield evaluate
    finally:
        browser.kill()
        browser.wait()
        os.close(ours)
        os.close(theirs)
