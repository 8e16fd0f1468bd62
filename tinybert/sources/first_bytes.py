"""What a file is by its first bytes, where its name says something else: for the line that says what to call it."""

from __future__ import annotations

import gzip
import re
import zipfile
import zlib
from pathlib import Path

PACKED = {".gz": "gzip", ".bz2": "bzip2"}
READ_PACKED = {".gz": (".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".vec", ".bin"), ".bz2": (".xml",)}
"""What is read packed too, with that ending behind its name."""

SIGNATURES = {
    ".gz": (rb"\x1f\x8b", "gzip"),
    ".bz2": (rb"BZh[1-9](1AY&SY|\x17rE8P\x90)", "bzip2"),
    ".parquet": (rb"PAR1\x15", "Parquet"),
    ".npy": (rb"\x93NUMPY", "a matrix of numpy's"),
    ".zip": (rb"PK(\x03\x04|\x05\x06)", "a .zip archive; unpack it, and name the file in it"),
    ".xz": (rb"\xfd7zXZ\x00", "xz; unpack it (unxz)"),
    ".zst": (rb"\x28\xb5\x2f\xfd", "Zstandard; unpack it (unzstd)"),
    ".xls": (rb"\xd0\xcf\x11\xe0", "an old Excel or Word document; save it as CSV (UTF-8) or text"),
    ".pdf": (rb"%PDF-", "a PDF; save its text as .txt"),
    ".lfs": (rb"version https://git-lfs\.github\.com/", "a pointer of Git LFS; fetch the file by `git lfs pull`"),
}
"""By the ending that such files have: how they begin, as no text does, and what they are."""

MEMBERS = {
    "xl/": "an Excel workbook; save it as CSV (UTF-8)",
    "word/": "a Word document; save it as text",
    "archive/data.pkl": "a pickled checkpoint, which can run code and is refused; save the model as safetensors",
}
"""What an archive is that has such a member."""


def name_the_bytes(file: Path) -> str | None:
    """A sentence such as "this is gzip; call it reviews.csv.gz"; None where a file's name and first bytes agree.

    A text is whatever begins like nothing else that is known here. What a `.gz` holds is looked at too.
    """
    with file.open("rb") as stream:
        first = stream.read(64)
    found, named = ending(first), file.suffix.lower()
    plain = Path(file.stem if named in PACKED else file.name)
    if found == named == ".gz":
        inner = ending(_unpacked(file))
        return inner and f"this is gzip with {SIGNATURES[inner][1].partition(';')[0]} in it; unpack it (gunzip)"
    if found == named or not first:
        return None
    if found is None:
        return f"this is no {PACKED[named]}; call it {plain}" if named in PACKED else None
    kind = _document(file) if found == ".zip" else SIGNATURES[found][1]
    if found in PACKED:
        return f"this is {kind}; {f'call it {plain}{found}' if plain.suffix in READ_PACKED[found] else 'unpack it'}"
    return f"this is {kind}; call it {plain.with_suffix(found)}" if found in (".parquet", ".npy") else f"this is {kind}"


def ending(first: bytes) -> str | None:
    """The ending that files have which begin so, None for text."""
    return next((suffix for suffix, (signature, _) in SIGNATURES.items() if re.match(signature, first)), None)


def _unpacked(file: Path) -> bytes:
    try:
        with gzip.open(file) as stream:
            return stream.read(64)
    except (OSError, EOFError, zlib.error):  # whoever reads it all says that it is damaged
        return b""


def _document(file: Path) -> str:
    try:
        with zipfile.ZipFile(file) as archive:
            names = " ".join(archive.namelist())
    except zipfile.BadZipFile:
        names = ""
    return next((kind for member, kind in MEMBERS.items() if member in names), SIGNATURES[".zip"][1])
