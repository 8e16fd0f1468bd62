"""Bring one entry of `files`, a file or folder of your own, to data/sources/."""

from pathlib import Path
from typing import Annotated

import typer

from tinybert.running.stage import PARAMS, stage


def main(key: Annotated[str, typer.Argument(help="a key of `files` in params.yaml")]) -> None:
    """Check a file or folder of your own, and write what it holds to data/sources/."""
    from tinybert.corpus.documents import write_corpus
    from tinybert.params.sources import File
    from tinybert.params.table import load_entry
    from tinybert.sources.kinds import store_file

    folder = Path("data/sources") / key
    with stage(f"import-file@{key}", folder) as reads:
        file = load_entry(PARAMS, "files", key, File)
        reads(Path(file.path), missing=f"there is no such file or folder; correct files.{key}.path")
        counts = store_file(file, folder, write_corpus)
        print("  " + ", ".join(f"{number:,} {what}" for what, number in counts.items()))


if __name__ == "__main__":
    typer.run(main)
