"""Archives on package indexes: found by exact name, never executed; each way to fail says what to do."""

from __future__ import annotations

import io
import socket
import tarfile
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.sources.conftest import Index, sha256
from tinybert.errors import UserError
from tinybert.sources.package_index import REMEDIES, find_archive
from tinybert.sources.pip_config import PipSettings
from tinybert.sources.transfer import fetch

FILE = "some_data-1.0-cp399-cp399-manylinux_2_99_riscv64.whl"  # for a platform that nobody has
CONTENT = bytes(range(256)) * 4000


class Pin(NamedTuple):
    package: str
    file: str
    sha256: str


@pytest.fixture
def pin(index: Index) -> Pin:
    index.files[FILE] = CONTENT
    return Pin("some-data==1.0", FILE, sha256(CONTENT))


def get(pin: Pin, cache: Path, settings: PipSettings) -> Path:
    places = partial(find_archive, pin.package, pin.file)
    return fetch(pin.file, pin.sha256, places, REMEDIES, cache, settings, tries=3, pause=0.001)


def failure(pin: Pin, cache: Path, settings: PipSettings) -> str:
    """The error of a fetch: one line, and nothing in the cache that looks like the file."""
    with pytest.raises(UserError) as error:
        get(pin, cache, settings)
    assert "\n" not in str(error.value)
    assert not (cache / pin.sha256 / pin.file).exists()
    return str(error.value)


def test_redirect(index: Index, pin: Pin, tmp_path: Path) -> None:
    index.redirect = True
    assert get(pin, tmp_path, index.settings).read_bytes() == CONTENT


def test_busy_server_is_asked_again(index: Index, pin: Pin, tmp_path: Path) -> None:
    index.page_mishaps = [503, 502]
    index.mishaps = [("status", 503)]
    assert get(pin, tmp_path, index.settings).read_bytes() == CONTENT


def test_server_that_stays_busy(index: Index, pin: Pin, tmp_path: Path) -> None:
    index.page_mishaps = [503] * 9
    assert "503" in failure(pin, tmp_path, index.settings)
    assert len(index.requests) == 3


def test_package_that_is_not_on_the_index(index: Index, pin: Pin, tmp_path: Path) -> None:
    message = failure(pin._replace(package="other-data==1.0", file="other_data-1.0.zip"), tmp_path, index.settings)
    assert index.url in message
    assert "404" in message
    assert "check `package` and `file`" in message


def test_file_that_is_not_in_the_release(index: Index, pin: Pin, tmp_path: Path) -> None:
    message = failure(pin._replace(file="some_data-1.0-py3-none-any.whl"), tmp_path, index.settings)
    assert "doesn't offer it" in message


def test_unknown_host(pin: Pin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", offline)
    message = failure(pin, tmp_path, PipSettings(index_urls=("https://index.invalid/simple/",)))
    assert "index.invalid" in message
    assert "Name or service not known" in message
    assert "check the network" in message


def test_no_index_and_no_links(pin: Pin, tmp_path: Path) -> None:
    assert "no-index" in failure(pin, tmp_path, PipSettings(index_urls=()))


def test_bad_places_do_not_hide_a_good_one(index: Index, pin: Pin, tmp_path: Path) -> None:
    bad = ("not an index", "file:///there/is/no/such/folder", "ftp://127.0.0.1/simple", "http://127.0.0.1:1/simple")
    settings = PipSettings(index_urls=(*bad, *index.settings.index_urls), find_links=("/there/is/none",))
    assert get(pin, tmp_path, settings).read_bytes() == CONTENT


def test_folder_of_find_links(pin: Pin, tmp_path: Path) -> None:
    links = tmp_path / "links"
    links.mkdir()
    (links / FILE).write_bytes(CONTENT)
    settings = PipSettings(index_urls=(), find_links=(str(links),))
    assert get(pin, tmp_path / "cache", settings).read_bytes() == CONTENT


def test_password_of_an_index_is_not_printed(index: Index, pin: Pin, tmp_path: Path) -> None:
    url = index.url.replace("http://", "http://user:secret@")
    message = failure(pin._replace(file="x-1.zip"), tmp_path, PipSettings(index_urls=(f"{url}/simple/",)))
    assert "secret" not in message


def test_password_in_a_link_is_not_printed(index: Index, pin: Pin, tmp_path: Path) -> None:
    index.login, index.mishaps = "user:secret@", [("status", 404)]
    message = failure(pin, tmp_path, index.settings)
    assert f"/files/{FILE} answers HTTP 404" in message
    assert "secret" not in message


def test_source_distribution_is_not_executed(index: Index, tmp_path: Path) -> None:
    trace = tmp_path / "executed"
    setup = f"open({str(trace)!r}, 'w').close()\n".encode()
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name in ("evil-1.0/setup.py", "evil-1.0/pyproject.toml"):
            member = tarfile.TarInfo(name)
            content = setup if name.endswith(".py") else b"[build-system]\nrequires = []\n"
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    index.files["evil-1.0.tar.gz"] = stream.getvalue()
    pin = Pin("evil==1.0", "evil-1.0.tar.gz", sha256(stream.getvalue()))
    assert get(pin, tmp_path / "cache", index.settings).read_bytes() == stream.getvalue()
    assert not trace.exists()
