"""What a file is by its first bytes, where its name says something else: for the line that says what to call it."""

from __future__ import annotations

import gzip
import re
import zipfile
import zlib
from pathlib import Path

PACKED = {".gz": "gzip", ".bz2": "bzip2"}

READ_AS_GZ = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".vec", ".bin")
"""What is read packed too, with `.gz` behind its name."""

SIGNATURES = (
    (".gz", re.compile(rb"\x1f\x8b")),
    (".bz2", re.compile(rb"BZh[1-9](1AY&SY|\x17rE8P\x90)")),
    (".zip", re.compile(rb"PK(\x03\x04|\x05\x06)")),
    (".parquet", re.compile(rb"PAR1\x15")),
    (".npy", re.compile(rb"\x93NUMPY")),
    (".xz", re.compile(rb"\xfd7zXZ\x00")),
    (".zst", re.compile(rb"\x28\xb5\x2f\xfd")),
    (".xls", re.compile(rb"\xd0\xcf\x11\xe0")),
    (".pdf", re.compile(rb"%PDF-")),
    (".lfs", re.compile(rb"version https://git-lfs\.github\.com/")),
)
"""The ending that files with these first bytes have; none of them is how a text begins."""

ADVICE = {
    ".zip": "a .zip archive; unpack it, and name the file in it",
    ".xz": "xz; unpack it (unxz)",
    ".zst": "Zstandard; unpack it (unzstd)",
    ".xls": "an old Excel or Word document; save it as CSV (UTF-8) or text",
    ".pdf": "a PDF; save its text as .txt",
    ".lfs": "a pointer of Git LFS, not the file itself; fetch that by `git lfs pull`",
}
MEMBERS = {
    "xl/": "an Excel workbook; save it as CSV (UTF-8)",
    "word/": "a Word document; save it as text",
    "archive/data.pkl": "a pickled checkpoint, which can run code and is refused; save the model as safetensors",
}
"""Of archives that are a document: members that tell so."""


def name_the_bytes(file: Path) -> str | None:
    """A sentence such as "this is gzip; call it reviews.csv.gz"; None where a file's name and first bytes agree.

    A text is whatever begins like nothing else that is known here. What a `.gz` holds is looked at too.
    """
    with file.open("rb") as stream:
        first = stream.read(64)
    found, named = _ending(first), file.suffix.lower()
    if found == named == ".gz":
        inner = _ending(_unpacked(file))
        return f"this is gzip with {_kind(inner)} in it; unpack it (gunzip)" if inner else None
    if found == named:
        return None
    plain = file.name.removesuffix(file.suffix) if named in PACKED else file.name
    if found is None:
        return f"this is no {PACKED[named]}; call it {plain}" if named in PACKED and first else None
    if found in PACKED:
        read_packed = Path(plain).suffix in ((".xml",) if found == ".bz2" else READ_AS_GZ)
        return f"this is {PACKED[found]}; {f'call it {plain}{found}' if read_packed else 'unpack it'}"
    if found in (".parquet", ".npy"):
        return f"this is {_kind(found)}; call it {Path(plain).with_suffix(found)}"
    return f"this is {_document(file) if found == '.zip' else ADVICE[found]}"


def _ending(first: bytes) -> str | None:
    return next((ending for ending, signature in SIGNATURES if signature.match(first)), None)


def _kind(ending: str) -> str:
    return PACKED.get(ending) or {".parquet": "Parquet"}.get(ending, f"a {ending} file")


def _unpacked(file: Path) -> bytes:
    try:
        with gzip.open(file) as stream:
            return stream.read(64)
    except (OSError, EOFError, zlib.error):  # whoever reads it all says that it is damaged
        return b""


def _document(file: Path) -> str:
    try:
        with zipfile.ZipFile(file) as archive:
            names = "\n".join(archive.namelist())
    except zipfile.BadZipFile:
        names = ""
    return next((advice for member, advice in MEMBERS.items() if member in names), ADVICE[".zip"])
