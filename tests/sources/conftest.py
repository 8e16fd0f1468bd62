"""A network of the tests' own, an empty working folder with a download cache in it, and what both are asked for."""

import hashlib
import io
import zipfile
from contextlib import contextmanager
from pathlib import Path
from time import sleep

import pytest

from tests.sources.servers import Hub, Index, serving
from tinybert.corpus.documents import write_corpus
from tinybert.errors import UserError
from tinybert.params.sources import Download
from tinybert.sources import transfer
from tinybert.sources.downloads import store_download
from tinybert.sources.pip_config import PipSettings


@pytest.fixture(autouse=True)
def out(tmp_path, monkeypatch):
    """An empty folder, in the working folder of the test."""
    monkeypatch.chdir(tmp_path)
    Path("out").mkdir()
    return Path("out")


@pytest.fixture
def index(monkeypatch):
    """What pip is configured to ask, three times without much of a pause."""
    monkeypatch.setattr(transfer, "TRIES", 3)
    monkeypatch.setattr(transfer, "PAUSE", 0.001)
    with serving(Index()) as site:
        configure(monkeypatch, index_urls=(f"{site.url}/simple/",))
        yield site


@pytest.fixture
def hub(monkeypatch):
    with in_place(Hub(), monkeypatch) as site:
        yield site


@contextmanager
def in_place(hub, monkeypatch):
    """A hub in the place of the real one, with nobody logged in and short pauses between attempts."""
    monkeypatch.setattr("time.sleep", lambda seconds: sleep(min(seconds, 0.001)))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)  # another test may have imported it so
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", "there-is-none")
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with serving(hub) as site:
        monkeypatch.setenv("HF_ENDPOINT", site.url)
        yield site


def configure(monkeypatch, **settings):
    monkeypatch.setattr(transfer, "read_pip_settings", lambda: PipSettings(timeout=5, **settings))


def store(**entry):
    """What an entry of `downloads` leaves: by path, the bytes of each file."""
    store_download(Download.model_validate(entry), Path("out"), write_corpus)
    return {file.relative_to("out").as_posix(): file.read_bytes() for file in Path("out").rglob("*") if file.is_file()}


def failure(call, *arguments, **keys):
    """The error of a call: one line, and nothing written."""
    with pytest.raises(UserError) as error:
        call(*arguments, **keys)
    assert "\n" not in str(error.value)
    assert not list(Path("out").iterdir())
    return str(error.value)


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def zipped(files):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()
