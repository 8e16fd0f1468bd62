"""Fetch one entry of `downloads`, and write what it holds to data/sources/."""

from pathlib import Path
from typing import Annotated

import typer

from tinybert.running.stage import PARAMS, stage


def main(key: Annotated[str, typer.Argument(help="a key of `downloads` in params.yaml")]) -> None:
    """Fetch what is pinned, or take it from the download cache, and write what it holds to data/sources/."""
    from tinybert.corpus.documents import write_corpus
    from tinybert.params.sources import Download
    from tinybert.params.table import load_entry
    from tinybert.sources.downloads import store_download

    folder = Path("data/sources") / key
    with stage(f"download-corpus@{key}", folder, online=True):
        counts = store_download(load_entry(PARAMS, "downloads", key, Download), folder, write_corpus)
        print("  " + ", ".join(f"{number:,} {what}" for what, number in counts.items()))


if __name__ == "__main__":
    typer.run(main)
