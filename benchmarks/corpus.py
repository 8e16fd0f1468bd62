"""How fast a Wikipedia dump is cleaned, beside gensim's segment_wiki, and in what memory, by the dump's size."""

from __future__ import annotations

import bz2
import os
import re
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Annotated, NamedTuple

import gensim
import psutil
import typer

PIECE = "test/test_data/enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2"
"""Of a dump of English Wikipedia, inside of gensim: the default's corpus."""
PAGES = re.compile(rb"(.*?)(<page>.*</page>\s*)(.*)", re.DOTALL)
CLEAN = """
import sys, pathlib, tinybert.corpus.documents as documents
documents.write_corpus([pathlib.Path(sys.argv[1])], pathlib.Path(sys.argv[2]))
"""
GENSIMS = "gensim.scripts.segment_wiki"


class Run(NamedTuple):
    """Seconds, and bytes at most, of a process and all that it started."""

    wall: float
    cpu: float
    peak: int


def main(
    dump: Annotated[Path | None, typer.Argument(help=".xml or .xml.bz2; by default the piece inside of gensim")] = None,
    times: Annotated[int, typer.Option(help="how often the larger dump has its pages", min=2)] = 10,
    cores: Annotated[int, typer.Option(help="that each of the two may use", min=1)] = 1,
) -> None:
    """Megabytes of XML a second and core, unpacked from bzip2 on the way, and the peak of memory, for two sizes.

    Seconds are the CPU's, of all processes, so that what else the machine does counts little. The rate is that of what
    the larger dump has more: starting takes seconds. gensim gets a worker for each core; its processes that read and
    write share the cores with them. Peaks are of all processes, what they share counted once.
    """
    dump = dump or Path(gensim.__file__).parent / PIECE
    raw = bz2.decompress(dump.read_bytes()) if dump.suffix == ".bz2" else dump.read_bytes()
    if not (parts := PAGES.fullmatch(raw)):
        raise typer.BadParameter(f"expected a MediaWiki dump, found no <page> in {dump}")
    head, pages, tail = parts.groups()
    rates = {}
    with TemporaryDirectory() as folder:
        files = {count: Path(folder) / f"{count}.xml.bz2" for count in (1, times)}
        for count, file in files.items():
            with bz2.open(file, "wb") as stream:
                stream.writelines([head, *[pages] * count, tail])
        for name in ("tinybert", "segment_wiki"):
            runs = {}
            for count, file in files.items():
                (out := Path(folder) / f"{name}-{count}").mkdir()
                options = ["-c", CLEAN, f"{file}", f"{out}"]
                if name == "segment_wiki":
                    options = ["-m", GENSIMS, "-f", f"{file}", "-o", f"{out / 'out.json'}", "-w", f"{cores}"]
                runs[count] = run = measure(options, cores)
                megabytes = (len(raw) + (count - 1) * len(pages)) / 1e6
                seconds = f"{run.wall:.1f} s, {run.cpu:.1f} s of CPU"
                print(f"{name:12} {megabytes:6.1f} MB: {seconds}, peak {run.peak / 1e6:.0f} MB", flush=True)
            rates[name] = (times - 1) * len(pages) / 1e6 / (runs[times].cpu - runs[1].cpu)
    for name, rate in rates.items():
        print(f"{name:12} {rate:.2f} MB/s a core")
    print(f"ratio        {rates['tinybert'] / rates['segment_wiki']:.2f}")


def measure(options: list[str], cores: int) -> Run:
    """Run Python with `options` on the first of the cores that this process may use."""
    started, before, peak = time.perf_counter(), os.times(), 0
    with TemporaryFile() as log:
        process = psutil.Popen([sys.executable, *options], stderr=log)
        process.cpu_affinity(process.cpu_affinity()[:cores])
        while process.poll() is None:
            peak = max(peak, held(process))
            time.sleep(0.2)
        if process.returncode:
            log.seek(0)
            sys.exit(log.read().decode())
    after = os.times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    return Run(time.perf_counter() - started, spent, peak)


def held(process: psutil.Process) -> int:
    """Bytes of it and of all that it started; 0 for those that have ended since."""
    total = 0
    for one in [process, *process.children(recursive=True)]:
        try:
            total += one.memory_full_info().pss
        except psutil.Error:
            continue
    return total
