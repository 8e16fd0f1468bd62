"""What every stage script does around its one call: say what it reads and writes, time it, turn mistakes into one line."""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tinybert.errors import UserError

PARAMS = Path("params.yaml")
TIMES = Path(".runs")


@contextmanager
def stage(name: str, reads: Sequence[Path | str], writes: Sequence[Path], online: bool = False) -> Iterator[None]:
    """Run a stage's body: announce, check that its inputs are there, time it, and exit with 1 on a user's mistake.

    Args:
        name: `stage@key`; its wall time in seconds goes to `.runs/<name>.json`.
        reads: files and folders that an earlier stage has to have written.
        writes: what the stage will write, each whole or not at all.
        online: whether the stage may touch the network; for all others the hub's offline switch is on.
    """
    if not online:
        os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that partial outputs are removed on the way out
    print(f"{name}\n  reads  {', '.join(map(str, reads))}\n  writes {', '.join(map(str, writes))}", flush=True)
    started = time.monotonic()
    try:
        for path in reads:
            if not Path(path).exists():
                raise UserError(f"{path}: missing; an earlier stage writes it: run `dvc repro {name}`")
        yield
    except UserError as error:
        _fail(name, str(error))
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS):
            raise
        _fail(name, f"{error.filename or ', '.join(map(str, writes))}: {error.strerror}; free some room, or check rights, and run it again")
    except KeyboardInterrupt:
        _fail(name, "stopped; nothing was written", code=130)
    seconds = time.monotonic() - started
    TIMES.mkdir(exist_ok=True)
    (TIMES / f"{name}.json").write_text(json.dumps({"seconds": round(seconds, 1)}) + "\n")
    print(f"  done in {seconds:.1f} s", flush=True)


def _fail(name: str, message: str, code: int = 1) -> None:
    print(f"error: {name}: {message}", file=sys.stderr, flush=True)
    sys.exit(code)
