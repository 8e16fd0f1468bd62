"""A hub that takes what is pushed to it, over the interface that huggingface_hub speaks where there is no Xet."""

import base64
import json
from dataclasses import dataclass, field

from tests.sources.servers import LARGE, Hub


@dataclass
class WrittenHub(Hub):
    """
    Args:
        token: who has it may write what belongs to `owner`.
        visibilities: by repository, `private` or `public`, of those that were made here.
        commits: of each the message, and the names of the files that it writes and removes.
        large: bytes of files in Git LFS, by their SHA-256.
        refusals: by the start of a path, the HTTP status of its answers.
    """

    token: str = "hf_good"
    visibilities: dict = field(default_factory=dict)
    commits: list = field(default_factory=list)
    large: dict = field(default_factory=dict)
    refusals: dict = field(default_factory=dict)

    @property
    def last(self):
        """A name for the last commit; files are asked for at that of all hubs of the tests."""
        return f"{len(self.commits):040x}"

    def answer(self, handler, path):
        parts = path.removeprefix("/api/").removesuffix("/revision/main").split("/")
        if "/xet-" in path:
            handler.reply(404)
        elif not path.startswith("/api/") or len(parts) != 3:
            super().answer(handler, path)
        elif (files := self.repositories.get("/".join(parts))) is None:
            handler.reply(404, headers={"X-Error-Code": "RepoNotFound"})
        else:
            private = self.visibilities["/".join(parts)] == "private"
            facts = {"id": "/".join(parts[1:]), "sha": self.last, "private": private}
            handler.page(json.dumps(facts | {"siblings": [{"rfilename": file} for file in files]}).encode())

    def receive(self, handler, path, body):
        """A new repository, or in one of them a commit, whose large files come first."""
        status = next((status for start, status in self.refusals.items() if path.startswith(start)), None)
        if not path.startswith("/lfs/") and handler.headers.get("Authorization") != f"Bearer {self.token}":
            status = 401
        if status:
            handler.reply(status)
        elif path.startswith("/lfs/"):
            self.large[path.removeprefix("/lfs/")] = body
            handler.reply(200)
        else:
            status, answer = self._written(path.removeprefix("/api").strip("/").split("/"), body)
            handler.reply(status, json.dumps(answer).encode())

    def _written(self, parts, body):
        """HTTP status and answer; `parts` are those of the path."""
        if parts == ["validate-yaml"]:
            return 200, {"errors": [], "warnings": []}
        if parts == ["repos", "create"]:
            return self._create(json.loads(body))
        if parts[-1] == "batch":
            objects = json.loads(body)["objects"]
            for each in objects:
                if each["oid"] not in self.large:
                    each["actions"] = {"upload": {"href": f"{self.url}/lfs/{each['oid']}"}}
            return 200, {"objects": objects}
        files = self.repositories["/".join(parts[:3])]
        if parts[3] == "preupload":
            asked = json.loads(body)["files"]
            return 200, {"files": [self._mode(each["path"], files.get(each["path"])) for each in asked]}
        return 200, self._commit("/".join(parts[1:3]), files, [json.loads(line) for line in body.splitlines()])

    def _create(self, asked):
        name = f"{asked['organization']}/{asked['name']}"
        if asked["organization"] != "owner":
            return 403, {"error": "no rights"}
        known = f"models/{name}" in self.repositories
        if not known:
            self.repositories[f"models/{name}"], self.visibilities[f"models/{name}"] = {}, asked["visibility"]
        return (409 if known else 200), {"url": f"{self.url}/{name}"}

    def _mode(self, name, content):
        known = {} if content is None else {"oid": self.checksum(name, content)}
        return {"path": name, "uploadMode": "lfs" if name.endswith(LARGE) else "regular", "shouldIgnore": False} | known

    def _commit(self, name, files, lines):
        (_, header), *operations = ((line["key"], line["value"]) for line in lines)
        written, removed = {}, {value["path"] for key, value in operations if key == "deletedFile"}
        for key, value in operations:
            if key != "deletedFile":
                content = value.get("content")
                written[value["path"]] = self.large[value["oid"]] if content is None else base64.b64decode(content)
        for name in removed:
            del files[name]
        files |= written
        self.commits.append((header["summary"], set(written), removed))
        return {"commitUrl": f"{self.url}/{name}/commit/{self.last}", "commitOid": self.last}
