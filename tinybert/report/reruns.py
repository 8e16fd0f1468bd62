"""Which edits re-run a stage, as a table of CONTRIBUTING.md: read off the graph, which is what DVC goes by."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tinybert.params.table import read_yaml


def reruns(dvc_yaml: Path) -> str:
    """For each stage the code and the keys of params.yaml whose edits run it again; so do changed inputs."""
    lines = ["| stage | code | keys of params.yaml |", "|---|---|---|"]
    for name, stage in read_yaml(dvc_yaml)["stages"].items():
        over = stage.get("foreach", "").removeprefix("${").removesuffix("}")
        body = stage.get("do", stage)
        code = [dep for dep in body["deps"] if dep.startswith(("stages/", "tinybert/"))]
        shown = [f"`{path.removeprefix('tinybert/')}{'' if path.endswith('.py') else '/'}`" for path in code]
        lines.append(f"| `{name}{'@‹key›' if over else ''}` | {', '.join(shown)} | {', '.join(_keys(body))} |")
    return "\n".join(lines)


def _keys(body: dict[str, Any]) -> list[str]:
    """The keys that a stage tracks, those of one entry together: `tasks.‹task›.{metric, teacher}`."""
    entries: dict[str, list[str]] = {}
    for key in body["params"]:
        table, *path = key.replace("${key}", "‹key›").replace("${item.task}", "‹task›").split(".")
        entries.setdefault(".".join([table, *path[:1]]), []).extend(path[1:])
    return [
        f"`{entry}.{{{', '.join(keys)}}}`" if len(keys) > 1 else f"`{'.'.join([entry, *keys])}`"
        for entry, keys in entries.items()
    ]
