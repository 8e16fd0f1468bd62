"""How many texts a second `serve` answers, how late at half, full and twice that load, and plain PyTorch beside it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

ROWS = Path("data/original/movies/test.parquet")
CONNECTIONS = 64
"""Clients that ask anew once they are answered, to find what the server can take."""
BATCH = 32
"""Texts that PyTorch reads together."""


def main(
    model: Annotated[Path, typer.Option(help="an exported folder")] = Path("models/exported/students/movies-tinybert4"),
    texts: Annotated[Path, typer.Option(help="Parquet with a column `text`")] = Path(
        "data/original/movies/test.parquet"
    ),
    pytorch: Annotated[Path | None, typer.Option(help="the folder that PyTorch runs; else the same")] = None,
    seconds: Annotated[float, typer.Option(min=0.1, help="of each measurement")] = 10.0,
    threads: Annotated[int, typer.Option(min=0, help="of both; 0 is one for each core")] = 0,
    queue: Annotated[int, typer.Option(min=1, help="texts that may wait")] = 128,
) -> None:
    """One text a request, on this machine: the clients take their share of its cores."""
    import pandas as pd

    rows = pd.read_parquet(texts)["text"].tolist()
    loops = {size: loop(pytorch or model, rows, size, seconds, threads) for size in (1, BATCH)}
    with served(model, threads, queue) as port:
        capacity = asyncio.run(saturate(port, rows, seconds))
        found = {share: asyncio.run(load(port, rows, share * capacity, seconds)) for share in (0.5, 1.0, 2.0)}
    print(f"serve at most          {capacity:8.0f} texts/s")
    for size, rate in loops.items():
        print(f"PyTorch, {size:2} together   {rate:8.0f} texts/s, serve {capacity / rate:.2f} times as many")
    for share, (statuses, p50, p99, late) in found.items():
        other = {status: count for status, count in statuses.items() if status not in (200, 429)}
        print(
            f"at {share:3.1f} of it: {sum(statuses.values())} asked, {statuses[200]} answered, {statuses[429]} refused,"
            f" {sum(other.values())} lost {other or ''} p50 {p50:.1f} ms, p99 {p99:.1f} ms; clients {late:.1f} ms late"
        )
    if any(set(statuses) - {200, 429} for statuses, *_ in found.values()):
        raise typer.Exit(1)


def loop(folder: Path, rows: list[str], size: int, seconds: float, threads: int) -> float:
    """Texts a second of transformers in a loop, `size` together, in the order that they come."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    torch.set_num_threads(threads or len(os.sched_getaffinity(0)))
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    endless, done = cycle(rows), 0
    with torch.inference_mode():
        for warm in (True, False):
            start, done = time.perf_counter(), 0
            while time.perf_counter() - start < (seconds / 10 if warm else seconds):
                inputs = tokenizer([*islice(endless, size)], truncation=True, padding=True, return_tensors="pt")
                model(**inputs).logits.softmax(-1).tolist()
                done += size
    return done / (time.perf_counter() - start)


@contextmanager
def served(model: Path, threads: int, queue: int) -> Iterator[int]:
    """The port of a server in a process of its own, which has to end well."""
    command = [sys.executable, "-m", "tinybert", "serve", str(model), "--port", "0"]
    command += ["--threads", str(threads), "--queue", str(queue)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield next(int(found[1]) for line in process.stdout if (found := re.search(r"http://127\.0\.0\.1:(\d+)", line)))
        process.send_signal(signal.SIGTERM)
        if process.wait(60):
            raise RuntimeError(f"the server ended with {process.returncode}")
    finally:
        process.kill()


class Client:
    """A connection that is kept. A library's client takes longer for a request than the model, on the same cores."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, text: str) -> int:
        """The status of the answer; 0 where none came."""
        try:
            self._streams = self._streams or await asyncio.open_connection("127.0.0.1", self._port)
            reader, writer = self._streams
            body = json.dumps({"text": text}).encode()
            head = f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
            writer.write(head.encode() + b"\r\n\r\n" + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", answer)
            await reader.readexactly(int(length[1]) if length else 0)
            return int(answer.split()[1])
        except (OSError, EOFError):
            self._streams = None
            return 0


async def saturate(port: int, rows: list[str], seconds: float) -> float:
    """Answers a second where each client asks again as soon as it is answered."""
    endless, statuses = cycle(rows), Counter[int]()

    async def keep_asking() -> None:
        client = Client(port)
        while time.perf_counter() < end:
            statuses[await client.ask(next(endless))] += 1

    end = time.perf_counter() + seconds / 5
    await asyncio.gather(*(keep_asking() for _ in range(CONNECTIONS)))
    statuses.clear()
    start, end = time.perf_counter(), time.perf_counter() + seconds
    await asyncio.gather(*(keep_asking() for _ in range(CONNECTIONS)))
    return statuses[200] / (time.perf_counter() - start)


async def load(port: int, rows: list[str], rate: float, seconds: float) -> tuple[Counter[int], float, float, float]:
    """Statuses, p50 and p99 of answers in milliseconds, and how late the clients were in asking (p99).

    Requests come at random times that don't wait for answers, and each time counts from when it was due: a server that
    is late makes nobody ask later.
    """
    due = np.cumsum(np.random.default_rng(0).exponential(1 / rate, max(1, int(rate * seconds)))).tolist()
    idle: list[Client] = []
    statuses, took, late = Counter[int](), [], []
    start = time.perf_counter()

    async def ask(text: str, at: float) -> None:
        client = idle.pop() if idle else Client(port)
        late.append(time.perf_counter() - start - at)
        status = await client.ask(text)
        statuses[status] += 1
        if status == 200:
            took.append(time.perf_counter() - start - at)
        idle.append(client)

    async with asyncio.TaskGroup() as asked:
        for text, at in zip(cycle(rows), due, strict=False):
            await asyncio.sleep(max(0.0, start + at - time.perf_counter()))
            asked.create_task(ask(text, at))
    p50, p99 = np.percentile(took or [np.nan], [50, 99])
    return statuses, 1000 * p50, 1000 * p99, 1000 * float(np.percentile(late, 99))
