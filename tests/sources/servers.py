"""A package index and a hub of the tests' own, on the loopback interface; they misbehave in the ways of networks."""

import hashlib
import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from time import sleep
from urllib.parse import quote, unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LARGE = (".safetensors", ".parquet", ".bin", ".gz", ".onnx")
"""Files of the hub in Git LFS: their ETag is a SHA-256, and they lie on another path, as on a CDN."""


@dataclass
class Site:
    """What misbehaves.

    Args:
        mishaps: of the next answers with bytes, one each: `("cut", n)` hangs up after n bytes, `("status", n)` answers
            with that HTTP status.
        page_mishaps: HTTP statuses of the next answers for pages, or of the API.
        ranges: whether it knows `Range`.
        pause: seconds before it answers a request for a file.
        requests: (path, Range) of all that was asked.
    """

    mishaps: list = field(default_factory=list)
    page_mishaps: list = field(default_factory=list)
    ranges: bool = True
    pause: float = 0
    requests: list = field(default_factory=list)
    url: str = ""

    def ranges_of(self, start):
        """The Range headers of the requests for paths that start so, in order."""
        return [header for path, header in self.requests if path.startswith(start)]


@dataclass
class Index(Site):
    """A simple index (PEP 503) of `files`; its links may lead to a redirect, and have a `user:password@` in them."""

    files: dict = field(default_factory=dict)
    redirect: bool = False
    login: str = ""

    def answer(self, handler, path):
        if path.startswith("/simple/"):
            project = path.split("/")[2]
            folder = f"{self.url.replace('://', f'://{self.login}')}/{'old' if self.redirect else 'files'}"
            names = [file for file in self.files if file.split("-")[0].lower().replace("_", "-") == project]
            links = "\n".join(f'<a href="{folder}/{file}">{file}</a>' for file in names)
            handler.page(links.encode(), {"Content-Type": "text/html"}, 200 if names else 404)
        elif path.startswith("/old/"):
            handler.reply(302, headers={"Location": path.replace("/old/", "/files/")})
        else:
            handler.bytes(self.files[path.removeprefix("/files/")])


@dataclass
class Hub(Site):
    """Files at one commit, by `models/owner/name` and `datasets/owner/name`.

    Args:
        wrong: whether checksums are those of other bytes.
        private: whether nobody sees anything; `gated`: whether files, but not listings, are withheld.
    """

    repositories: dict = field(default_factory=dict)
    wrong: bool = False
    private: bool = False
    gated: bool = False

    def answer(self, handler, path):
        place = path.removeprefix("/api").removeprefix("/cdn")
        place = place if place.startswith(("/models/", "/datasets/")) else f"/models{place}"
        _, kind, owner, name, _, commit, *rest = place.split("/", 6)
        files, file = self.repositories.get(f"{kind}/{owner}/{name}"), "".join(rest)
        if self.private:
            handler.reply(401)
        elif files is None or commit != COMMIT:
            handler.reply(404, headers={"X-Error-Code": "RepoNotFound" if files is None else "RevisionNotFound"})
        elif path.startswith("/api/"):
            handler.page(json.dumps([self._entry(*each) for each in files.items()]).encode())
        elif self.gated:
            handler.reply(403, headers={"X-Error-Code": "GatedRepo"})
        else:
            tag = {"X-Repo-Commit": COMMIT, "ETag": f'"{self.checksum(file, files[file])}"'}
            if file.endswith(LARGE) and not path.startswith("/cdn/"):
                tag |= {"X-Linked-Etag": tag["ETag"], "X-Linked-Size": str(len(files[file])), "ETag": '"cdn"'}
                handler.reply(302, headers=tag | {"Location": f"{self.url}/cdn{quote(place)}"})
            else:
                handler.bytes(files[file], tag)

    def checksum(self, name, content):
        content = content + b"!" if self.wrong else content
        if name.endswith(LARGE):
            return hashlib.sha256(content).hexdigest()
        return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()

    def _entry(self, name, content):
        checksum, size = self.checksum(name, content), len(content)
        large = {"oid": "0" * 40, "lfs": {"oid": checksum, "size": size, "pointerSize": 134}}
        return {"type": "file", "path": name, "size": size, "oid": checksum} | (large if name.endswith(LARGE) else {})


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    site: Site

    def do_GET(self):
        path = unquote(urlsplit(self.path).path)
        self.site.requests.append((path, self.headers.get("Range")))
        self.site.answer(self, path)

    do_HEAD = do_GET  # noqa: N815

    def do_POST(self):
        path = unquote(urlsplit(self.path).path)
        self.site.requests.append((path, None))
        size = self.headers.get("Content-Length")
        body = self.rfile.read(int(size)) if size else b"".join(self._chunks())
        self.site.receive(self, path, body)

    do_PUT = do_POST  # noqa: N815

    def _chunks(self):
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def page(self, content, headers=None, status=200):
        if self.site.page_mishaps:
            self.reply(self.site.page_mishaps.pop(0))
        else:
            self.reply(status, content, headers)

    def bytes(self, content, headers=None):
        sleep(self.site.pause)
        kind, number = self.site.mishaps.pop(0) if self.site.mishaps and self.command == "GET" else ("", 0)
        asked = self.headers.get("Range") if self.site.ranges else None
        start = int(asked[6:-1]) if asked else 0
        ranged = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"} if asked else {}
        if kind == "status" or start >= len(content) > 0:
            self.reply(number or 416)
        else:
            stop = number if kind == "cut" else None
            self.reply(206 if asked else 200, content[start:], {**(headers or {}), **ranged}, stop)

    def reply(self, status, body=b"", headers=None, stop=None):
        self.send_response(status)
        for key, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[:stop])
        self.close_connection = stop is not None

    def log_message(self, *_):
        pass


@contextmanager
def serving(site):
    """The site, with its URL, of a server in a thread."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Handler,), {"site": site}))
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    site.url = f"http://127.0.0.1:{server.server_port}"
    yield site
    server.shutdown()
    server.server_close()
    thread.join()
