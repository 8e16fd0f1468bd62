"""Which files of a hub repository to take: never code, never pickles."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from tinybert.errors import UserError, suggest
from tinybert.params.sources import TAR, ZIP, Download, Kind
from tinybert.sources.pretrained import INDEX, PARTS, PICKLED, SHARD, WEIGHTS

ROWS = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".txt")
TEXTS = tuple(ending + gz for ending in ROWS for gz in ("", ".gz"))
DUMP = re.compile(r"\.xml(-[^.]*)?(\.bz2)?$")
"""`pages-articles.xml`, `pages-articles.xml.bz2`, and parts such as `pages-articles1.xml-p1p41242.bz2`."""

TABLES = (".parquet", *TEXTS)
VECTORS = (".npy", ".parquet", ".txt", ".vec", ".bin", ".gz")

ABOUT = re.compile(r"(readme|license|dataset_infos?|croissant|config)\b.*", re.IGNORECASE)
"""Names of files that say something of the data, and are none."""


def choose_files(download: Download, names: list[str]) -> list[str]:
    """Of all files of a repository those that an entry is made of.

    A model's are its config, its safetensors weights, in shards or not, and its tokenizer, at the top only; those of a
    data set are what `files` names, or else all of one type in one folder.

    Raises:
        UserError: there are no safetensors weights, a pattern matches nothing, a file is of a type that isn't read, or
            there is a choice.
    """
    if download.kind == "model":
        return _choose_model_files(names, f"{download.hub}")
    if download.files is None:
        return _choose_data_files(names, download.kind, f"{download.hub}")
    for pattern in download.files:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise UserError(f"{download.hub}: files: nothing matches {pattern!r}{suggest(pattern, names[:20])}")
    chosen = [name for name in names if any(fnmatchcase(name, pattern) for pattern in download.files)]
    if other := next((name for name in chosen if not _readable(name, download.kind)), None):
        expected = f"expected {_types(download.kind)} for kind {download.kind}"
        raise UserError(f"{download.hub}: files: {other}: {expected}; name others, as in '*.parquet'")
    return chosen


def _choose_model_files(names: list[str], repository: str) -> list[str]:
    top = [name for name in names if "/" not in name]
    if WEIGHTS not in top and INDEX not in top:
        pickled = [name for name in top if name.endswith(PICKLED)]
        reason = f"{pickled[0]} is pickled, can run code and is refused; " if pickled else ""
        advice = "take a commit of a pull request that adds them, or convert it (save_pretrained) and use files"
        raise UserError(f"{repository}: no {WEIGHTS} among {_some(top)}; {reason}{advice}")
    weights = [WEIGHTS] if WEIGHTS in top else [INDEX, *filter(SHARD.fullmatch, top)]
    return [name for name in top if name in PARTS or name in weights]


def _choose_data_files(names: list[str], kind: Kind, repository: str) -> list[str]:
    groups: dict[str, list[str]] = {}
    for name in names:
        path = PurePosixPath(name)
        if _readable(name, kind) and not ABOUT.fullmatch(path.name) and not path.name.startswith("."):
            ending = "".join(path.suffixes[-2:]) if path.suffix in (".gz", ".bz2") else path.suffix
            groups.setdefault(str(path.with_name(f"*{ending}")), []).append(name)
    if not groups:
        scripts = [name for name in names if name.endswith(".py")]
        reason = f" ({scripts[0]} is a loading script, which is never run here)" if scripts else ""
        advice = "the commit of its branch refs/convert/parquet may have Parquet files"
        raise UserError(f"{repository}: expected {_types(kind)}, found {_some(names)}{reason}; {advice}")
    if len(groups) > 1:
        example = f"files: [{next(iter(groups))!r}]"
        raise UserError(f"{repository}: there is a choice of {_some(groups)}; name those to take, as in {example}")
    return next(iter(groups.values()))


def _types(kind: Kind) -> str:
    return ", ".join(VECTORS) if kind == "vectors" else f"{', '.join(ROWS)} (each perhaps .gz) or .parquet"


def _readable(name: str, kind: Kind) -> bool:
    if kind == "corpus":
        return name.endswith((*TEXTS, ".parquet")) or bool(DUMP.search(name))
    return name.endswith(TABLES if kind == "table" else VECTORS) and not name.endswith(ZIP + TAR)


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:8]) + (f" and {len(listed) - 8} more" if len(listed) > 8 else "") or "nothing"
