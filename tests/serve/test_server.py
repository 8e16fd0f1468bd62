"""A server in a process of its own: its port, its limit, its end."""

import asyncio
import re
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx2
import pytest
from typer.testing import CliRunner

from tests.import_closure import ROOT
from tinybert.__main__ import app


@contextmanager
def fake(seconds):
    """A process that serves the fake model, and its address."""
    command = [sys.executable, "-m", "tests.serve.fake_model", "0", str(seconds)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process, next(found[0] for line in process.stdout if (found := re.search(r"http://[\d.:]+", line)))
    finally:
        process.kill()
        process.communicate()


async def ask_at_once(address, count):
    limits = httpx2.Limits(max_connections=count)
    async with httpx2.AsyncClient(limits=limits, timeout=30) as client:
        return await asyncio.gather(*(client.post(f"{address}/predict", json={"text": "wet"}) for _ in range(count)))


def test_at_the_limit_each_gets_an_answer_or_429():
    with fake(0.2) as (_, address):
        replies = asyncio.run(ask_at_once(address, 30))
    statuses = [reply.status_code for reply in replies]
    assert statuses.count(200) >= 8
    assert statuses.count(429) >= 8
    assert statuses.count(200) + statuses.count(429) == 30
    assert {reply.headers["Retry-After"] for reply in replies if reply.status_code == 429} == {"1"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_answers_what_waits_and_ends_with_0(number):
    with fake(0.4) as (process, address), ThreadPoolExecutor(6) as pool:
        asked = [pool.submit(httpx2.post, f"{address}/predict", json={"text": "wet"}) for _ in range(6)]
        while httpx2.get(f"{address}/health").json()["waiting"] < 6:
            time.sleep(0.02)
        process.send_signal(number)
        assert [each.result().status_code for each in asked] == [200] * 6
        assert process.wait(10) == 0
        with pytest.raises(httpx2.ConnectError):
            httpx2.get(f"{address}/health")


def test_a_taken_port_is_one_line():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        result = CliRunner().invoke(app, ["serve", "anything", "--port", port])
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert f"127.0.0.1:{port}: can't listen there: Address already in use" in result.stderr


def test_a_missing_package_is_named_with_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "fastapi", None)
    for name in ("tinybert.serve.limits", "tinybert.serve.app", "tinybert.serve.server"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    result = CliRunner().invoke(app, ["serve", "anything"])
    assert result.exit_code == 1
    assert "pip install -r requirements-serve.txt" in result.stderr
