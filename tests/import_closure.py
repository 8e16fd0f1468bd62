"""The modules of this project that a stage imports, and the lists of them in dvc.yaml.

    python -m tests.import_closure          # says where dvc.yaml departs from what the stages import
    python -m tests.import_closure --write  # corrects dvc.yaml, and nothing else in it

DVC re-runs a stage when one of its deps changes. A module that is missing in the list leaves a stale result standing,
one too many retrains a teacher for a change in the report. So the lists are exactly the import closure, found in the
syntax trees: imports inside functions count, nothing is executed. Packages' empty `__init__.py` are left out.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("stages", "tinybert")
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


def is_module(dep: str) -> bool:
    return dep.endswith(".py") and dep.split("/")[0] in PACKAGES


def check(file: Path, write: bool, root: Path = ROOT) -> list[str]:
    """One line for each module too many or missing in `file`'s deps; with `write`, the lists are put right."""
    yaml = YAML()
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.preserve_quotes = True
    pipeline = yaml.load(file.read_text(encoding="utf-8"))
    lines = []
    for name, body, script in stages(pipeline):
        deps = body.setdefault("deps", [])
        listed, wanted = [dep for dep in deps if is_module(dep)], import_closure(script, root)
        lines += [f"{name}: {dep} is listed, and not imported" for dep in listed if dep not in wanted]
        lines += [f"{name}: {dep} is imported, and not listed" for dep in wanted if dep not in listed]
        if listed != wanted:
            deps[:] = [*(dep for dep in deps if not is_module(dep)), *wanted]
            deps.fa.set_block_style()
    if write and lines:
        with file.open("w", encoding="utf-8") as stream:
            yaml.dump(pipeline, stream)
    return lines


if __name__ == "__main__":
    mistakes = check(ROOT / "dvc.yaml", write="--write" in sys.argv[1:])
    print("\n".join(mistakes) or "dvc.yaml lists what the stages import")
    sys.exit(bool(mistakes) and "--write" not in sys.argv[1:])
