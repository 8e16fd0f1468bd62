"""The modules of this project that a stage imports, and whether dvc.yaml lists those that decide its bytes.

DVC re-runs a stage when one of its deps changes. A module that is missing leaves a stale result standing, one too many
retrains a teacher for a change in the report. So each list covers the import closure, found in the syntax trees
(imports inside functions count, nothing is executed), but for what only words messages, checks params, watches
resources or writes files whole.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("stages", "tinybert")
DECIDES_NOTHING = ("tinybert/errors.py", "tinybert/params/", "tinybert/running/", "tinybert/check/")
DECIDES = ("tinybert/params/defaults.py", "tinybert/running/lineage.py")
"""Of these the only ones that do."""
MOST = 8
"""Lines of code beside the script that a stage may list."""
COMMAND = re.compile(r"python -m (stages\.\w+)")


def import_closure(module: str, root: Path = ROOT) -> list[str]:
    """Paths of the project's modules that running `module` may import, itself among them, sorted."""
    found: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in found or _file(name, root) is None:
            continue
        found.add(name)
        waiting.extend(imports(name, root))
    files = {_file(name, root) for name in found}
    return sorted(file.relative_to(root).as_posix() for file in files if file is not None and file.stat().st_size)


def imports(module: str, root: Path = ROOT) -> Iterator[str]:
    """What `module` imports, and the packages above it; the names may also be those of things inside modules."""
    file = _file(module, root)
    assert file is not None
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"), str(file))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            start = ".".join([*above, *([node.module] if node.module else [])])
            names = [f"{start}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            parts = name.split(".")
            if parts[0] in PACKAGES:
                yield from (".".join(parts[:count]) for count in range(1, len(parts) + 1))


def _file(module: str, root: Path) -> Path | None:
    """The file of a module or package, None for a name that is something inside a module."""
    path = root.joinpath(*module.split("."))
    return next((file for file in (path / "__init__.py", path.with_suffix(".py")) if file.is_file()), None)


def stages(pipeline: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Name, body (what is under `do` for a `foreach`) and script module of each stage of a dvc.yaml."""
    for name, stage in pipeline["stages"].items():
        body = stage.get("do", stage)
        match = COMMAND.match(body["cmd"])
        assert match, f"{name}: cmd is {body['cmd']!r}, expected `python -m stages.…`"
        yield name, body, match[1]


def is_code(dep: str) -> bool:
    return dep.split("/")[0] in PACKAGES


def decides_bytes(module: str) -> bool:
    return module in DECIDES or not module.startswith(DECIDES_NOTHING)


def covers(dep: str, module: str) -> bool:
    return module == dep or module.startswith(f"{dep}/")


def departures(pipeline: dict[str, Any], root: Path = ROOT) -> Iterator[str]:
    """One line for each module that a stage imports and doesn't list, and for each line that covers none of these."""
    for name, body, script in stages(pipeline):
        listed = [dep for dep in body["deps"] if is_code(dep)]
        wanted = [module for module in import_closure(script, root) if decides_bytes(module)]
        for module in wanted:
            if not any(covers(dep, module) for dep in listed):
                yield f"{name}: {module} is imported, and not listed"
        for dep in listed:
            if not any(covers(dep, module) for module in wanted):
                yield f"{name}: {dep} is listed, and not imported"
        if len(listed) > MOST + 1:
            yield f"{name}: lists {len(listed) - 1} lines of code, at most {MOST} are allowed"
