"""A Hugging Face hub of the tests' own, on the loopback interface, that can misbehave in the ways that networks do."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from time import sleep
from urllib.parse import quote, unquote, urlsplit

from tests.sources.serving import Answers

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LARGE = (".safetensors", ".parquet", ".bin", ".gz")
"""Files in Git LFS: their ETag is a SHA-256, and they lie on another path, as on a CDN."""


@dataclass
class Hub:
    """Models and data sets at one commit, by `models/owner/name` and `datasets/owner/name`.

    Args:
        repositories: names of files and their bytes.
        mishaps: of the next answers with bytes, one each: `("cut", n)` hangs up after n bytes, `("status", n)` answers
            with that HTTP status.
        api_mishaps: HTTP statuses of the next answers of the API.
        ranges: whether it knows `Range`.
        wrong: whether checksums are those of other bytes.
        token: that is needed to see anything.
        gated: whether files, but not listings, are withheld.
        pause: seconds before it answers a request for a file.
        moved: starts of paths, and where they are now, as of a repository that has another name.
        requests: (method, path, Range, Authorization) of all that was asked.
    """

    repositories: dict[str, dict[str, bytes]] = field(default_factory=dict)
    mishaps: list[tuple[str, int]] = field(default_factory=list)
    api_mishaps: list[int] = field(default_factory=list)
    ranges: bool = True
    wrong: bool = False
    token: str = ""
    gated: bool = False
    pause: float = 0
    moved: dict[str, str] = field(default_factory=dict)
    requests: list[tuple[str, str, str | None, str | None]] = field(default_factory=list)
    url: str = ""

    def asked_for(self, start: str) -> list[str | None]:
        """The Range headers of the GETs of paths that start so, in order."""
        return [header for method, path, header, _ in self.requests if method == "GET" and path.startswith(start)]

    def checksum(self, name: str, content: bytes) -> str:
        content = content + b"!" if self.wrong else content
        if name.endswith(LARGE):
            return hashlib.sha256(content).hexdigest()
        return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class HubHandler(Answers, BaseHTTPRequestHandler):
    hub: Hub

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append((self.command, path, self.headers.get("Range"), self.headers.get("Authorization")))
        for start, now in self.hub.moved.items():
            if path.startswith(start):
                query = urlsplit(self.path).query
                return self._answer(307, b"", {"Location": f"{quote(now + path.removeprefix(start))}?{query}"})
        if path.startswith("/cdn/"):
            kind, owner, name, file = path.removeprefix("/cdn/").split("/", 3)
            return self._file(self.hub.repositories[f"{kind}/{owner}/{name}"][file])
        if self.hub.token and self.headers.get("Authorization") != f"Bearer {self.hub.token}":
            return self._refuse(401, "")
        if path.startswith("/api/"):
            return self._api(path.removeprefix("/api/"))
        kind, rest = ("datasets", path[10:]) if path.startswith("/datasets/") else ("models", path[1:])
        owner, name, _, commit, file = rest.split("/", 4)
        files = self._files(f"{kind}/{owner}/{name}", commit)
        if files is None:
            return None
        if self.hub.gated:
            return self._refuse(403, "GatedRepo")
        if file not in files:
            return self._refuse(404, "EntryNotFound")
        headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{self.hub.checksum(file, files[file])}"'}
        if not file.endswith(LARGE):
            return self._file(files[file], headers)
        headers |= {"X-Linked-Etag": headers["ETag"], "X-Linked-Size": str(len(files[file])), "ETag": '"cdn"'}
        elsewhere = self.hub.url.replace("127.0.0.1", "localhost")  # another host, that is to get no token
        return self._answer(302, b"", {**headers, "Location": f"{elsewhere}/cdn/{kind}/{owner}/{name}/{quote(file)}"})

    def do_HEAD(self) -> None:
        self.do_GET()

    def _api(self, path: str) -> None:
        if self.hub.api_mishaps:
            return self._answer(self.hub.api_mishaps.pop(0), b"")
        kind, owner, name, _, commit = path.split("/", 5)[:5]
        files = self._files(f"{kind}/{owner}/{name}", commit)
        if files is None:
            return None
        return self._answer(200, json.dumps([self._entry(*file) for file in files.items()]).encode())

    def _entry(self, name: str, content: bytes) -> dict[str, object]:
        checksum, size = self.hub.checksum(name, content), len(content)
        entry: dict[str, object] = {"type": "file", "path": name, "size": size, "oid": checksum}
        if not name.endswith(LARGE):
            return entry
        return entry | {"oid": "0" * 40, "lfs": {"oid": checksum, "size": size, "pointerSize": 134}}

    def _files(self, repository: str, commit: str) -> dict[str, bytes] | None:
        files = self.hub.repositories.get(repository)
        if files is None:
            self._refuse(404, "RepoNotFound")
        elif commit != COMMIT:
            self._refuse(404, "RevisionNotFound")
            return None
        return files

    def _file(self, content: bytes, headers: dict[str, str] | None = None) -> None:
        sleep(self.hub.pause)
        self._bytes(content, self.hub.mishaps, self.hub.ranges, headers)

    def _refuse(self, status: int, code: str) -> None:
        self._answer(status, b"", {"X-Error-Code": code} if code else {})
