"""Which file that a stage reads is cut off: looked for once the stage has failed, so that it costs nothing before."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

SOURCES = Path("data/sources")


def find_damaged(paths: Iterable[Path]) -> str | None:
    """The first file of `paths`, and of the folders among them, that can't be opened, with the reason; or None.

    JSON in the sources' folder is left out: it may be somebody's table, in other forms than one value a file.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq
    from safetensors import safe_open

    openers: dict[str, Callable[[Path], object]] = {
        ".parquet": pq.ParquetFile,
        ".arrow": lambda file: pa.ipc.open_stream(pa.memory_map(str(file))),
        ".npy": partial(np.load, mmap_mode="r", allow_pickle=False),
        ".safetensors": partial(safe_open, framework="numpy"),
        ".json": lambda file: SOURCES in file.parents or json.loads(file.read_text(encoding="utf-8")),
    }
    for file in (file for path in paths for file in [path, *sorted(path.rglob("*"))] if file.suffix in openers):
        try:
            openers[file.suffix](file)
        except Exception as error:  # whatever a library raises on it
            return f"{file}: damaged or cut off ({' '.join(str(error).split())})"
    return None
