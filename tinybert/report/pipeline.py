"""What dvc.yaml says, for people: the graph, a table of the stages, and which edits run each of them again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tinybert.params.table import read_yaml

Stages = Mapping[str, Mapping[str, Any]]
"""By name; `foreach` is the table of params.yaml that a stage runs over, "" where it runs once."""


def read_stages(file: Path) -> Stages:
    """The stages of a dvc.yaml."""
    return {
        name: stage.get("do", stage) | {"foreach": stage.get("foreach", "").removeprefix("${").removesuffix("}")}
        for name, stage in read_yaml(file)["stages"].items()
    }


def stages_table(stages: Stages) -> str:
    """Stages in the order of dvc.yaml, with what they run over and what they write."""
    lines = ["| stage | what it does | writes |", "|---|---|---|"]
    for name, stage in stages.items():
        writes = ", ".join(f"`{path}`" for path in _outs(stage))
        shown = writes.replace("${key}", "‹key›").replace("${name}", "‹name›")
        over = stage["foreach"].removesuffix("s").replace("general", "general student")
        lines.append(f"| `{name}{f'@‹{over}›' if over else ''}` | {stage['desc']} | {shown} |")
    return "\n".join(lines)


def reruns(stages: Stages) -> str:
    """For each stage the code and the keys of params.yaml whose edits run it again; so do changed inputs."""
    lines = ["| stage | code | keys of params.yaml |", "|---|---|---|"]
    for name, stage in stages.items():
        code = [dep for dep in stage["deps"] if dep.startswith(("stages/", "tinybert/"))]
        shown = [f"`{path.removeprefix('tinybert/')}{'' if path.endswith('.py') else '/'}`" for path in code]
        over = "@‹key›" if stage["foreach"] else ""
        lines.append(f"| `{name}{over}` | {', '.join(shown)} | {', '.join(_keys(stage))} |")
    return "\n".join(lines)


def _keys(stage: Mapping[str, Any]) -> list[str]:
    """The keys that a stage tracks, those of one entry together: `tasks.‹task›.{metric, teacher}`."""
    entries: dict[str, list[str]] = {}
    for key in stage["params"]:
        table, *path = key.replace("${key}", "‹key›").replace("${item.task}", "‹task›").split(".")
        entries.setdefault(".".join([table, *path[:1]]), []).extend(path[1:])
    return [
        f"`{entry}.{{{', '.join(keys)}}}`" if len(keys) > 1 else f"`{'.'.join([entry, *keys])}`"
        for entry, keys in entries.items()
    ]


def graph(stages: Stages) -> str:
    """The stages and what flows between them, as a Mermaid picture; what follows from other arrows is left out."""
    before = {
        name: {other for other in stages if other != name and _feeds(stages[other], stage)}
        for name, stage in stages.items()
    }

    def ancestors(name: str) -> set[str]:
        return before[name].union(*map(ancestors, before[name]))

    arrows = []
    for name, direct in before.items():
        implied: set[str] = set().union(*map(ancestors, direct))
        arrows += [f"  {other} --> {name}" for other in stages if other in direct - implied]
    return "\n".join(["```mermaid", "flowchart LR", *arrows, "```"])


def _feeds(source: Mapping[str, Any], stage: Mapping[str, Any]) -> bool:
    """Whether a stage reads what `source` writes: one path may be the other or lie inside it."""
    needs = [_pattern(dep) for dep in stage["deps"] if not dep.endswith(".py") and dep != "${item.path}"]
    return any(
        all(not one or not other or one & other for one, other in zip(need, _pattern(out), strict=False))
        for need in needs
        for out in _outs(source)
    )


def _outs(stage: Mapping[str, Any]) -> list[str]:
    entries = [*stage.get("outs", []), *stage.get("metrics", []), *stage.get("plots", [])]
    return [entry if isinstance(entry, str) else next(iter(entry)) for entry in entries]


def _pattern(path: str) -> list[set[str]]:
    """What each part of a path may be; the empty set is anything, as params.yaml fills it in."""
    return [
        {"original", "augmented"} if part.endswith(".data}") else set() if "${" in part else {part}
        for part in path.split("/")
    ]
