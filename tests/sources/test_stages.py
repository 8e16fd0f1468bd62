"""The two stage scripts, as DVC runs them: what they write, and one line with exit code 1 for a mistake."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sources.conftest import Hub, Index, sha256
from tests.sources.hub_server import COMMIT

ROOT = Path(__file__).parents[2]


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_download_corpus(index: Index, tmp_path: Path) -> None:
    import io
    import zipfile

    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("table.csv", "a,b\n")
    file = "some_data-1.0-py3-none-any.whl"
    index.files[file] = stream.getvalue()
    entry = f"kind: table, package: some-data==1.0, file: {file}, sha256: {sha256(stream.getvalue())}"
    (tmp_path / "params.yaml").write_text(f"downloads: {{data: {{{entry}, members: [table.csv]}}}}\n")
    pip = {"PIP_INDEX_URL": f"{index.url}/simple/", "PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": ""}
    process = run(tmp_path, "stages.download_corpus", "data", **pip)
    assert process.returncode == 0, process.stderr
    assert (tmp_path / "data/sources/data/table.csv").read_text() == "a,b\n"
    assert "data/sources/data" in process.stdout
    asked = len(index.requests)
    assert run(tmp_path, "stages.download_corpus", "data", **pip).returncode == 0
    assert len(index.requests) == asked


def test_download_from_the_hub(hub: Hub, tmp_path: Path) -> None:
    hub.repositories["datasets/owner/texts"] = {"a.jsonl": b'{"text": "One."}\n{"text": "Two."}\n'}
    entry = f"kind: corpus, hub: owner/texts, revision: {COMMIT}"
    (tmp_path / "params.yaml").write_text(f"downloads: {{texts: {{{entry}}}}}\n")
    process = run(tmp_path, "stages.download_corpus", "texts", HF_ENDPOINT=hub.url, HF_HUB_OFFLINE="0")
    assert process.returncode == 0, process.stderr
    assert "2 documents" in process.stdout
    again = run(tmp_path, "stages.download_corpus", "texts", HF_ENDPOINT="http://127.0.0.1:9", HF_HUB_OFFLINE="1")
    assert again.returncode == 0, again.stderr


def test_import_file(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("files: {mine: {path: my.txt, kind: corpus}}\n")
    (tmp_path / "my.txt").write_text("A document.\n\nAnother.\n")
    process = run(tmp_path, "stages.import_file", "mine")
    assert process.returncode == 0, process.stderr
    assert "2 documents" in process.stdout
    assert (tmp_path / "data/sources/mine/00000.parquet").exists()


@pytest.mark.parametrize(("key", "expected"), [("mine", "line 1, byte 0: not UTF-8"), ("mein", "did you mean 'mine'")])
def test_a_mistake_is_one_line(key: str, expected: str, tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("files: {mine: {path: my.txt, kind: corpus}}\n")
    (tmp_path / "my.txt").write_bytes(b"\xff")
    process = run(tmp_path, "stages.import_file", key)
    assert process.returncode == 1
    assert process.stderr.count("\n") == 1
    assert expected in process.stderr
    assert not list(tmp_path.glob("data/sources/*"))
