"""Imports go one way: a package knows only those below it, and no two modules share a name with another meaning."""

from __future__ import annotations

from collections import Counter

from tests.import_closure import ROOT, imports

FLOORS = (
    ("errors",),
    ("params",),
    ("running",),
    ("tables", "sources"),
    ("tasks", "questions", "corpus"),
    ("tokens", "metrics"),
    ("models",),
    ("train", "runtime"),
    ("evaluate",),
    ("export", "distill", "augment"),
    ("check", "report", "serve"),
)
"""From the ground up. Of two packages on one floor the one may know the other where that goes one way."""
FLOOR = {package: number for number, packages in enumerate(FLOORS) for package in packages}
APART = ("tasks", "questions", "corpus")
"""None knows another of these: the stage says which one it takes."""
AS_THE_TABLES = {"general", "sources", "prepare"}
"""One word for one thing: the table of params.yaml and what it sets up; what makes a task's rows."""

MODULES = [path for path in sorted((ROOT / "tinybert").rglob("*.py")) if path.name != "__init__.py"]


def edges():
    """(package, package) of every import from one of tinybert's packages into another, with the module."""
    for path in MODULES:
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        package = module.split(".")[1]
        for name in imports(module):
            parts = name.split(".")
            if parts[0] == "tinybert" and len(parts) > 1 and parts[1] != package:
                yield package, parts[1], module


def test_a_package_knows_those_below_it():
    upward = {
        (module, other) for package, other, module in edges() if package != "__main__" and FLOOR[other] > FLOOR[package]
    }
    assert upward == set()


def test_no_circle():
    pairs = {(package, other) for package, other, _ in edges()}
    assert {pair for pair in pairs if pair[::-1] in pairs} == set()
    assert {pair for pair in pairs if set(pair) <= set(APART)} == set()


def test_every_module_has_a_home():
    assert {path.stem for path in (ROOT / "tinybert").glob("*.py")} == {"__init__", "__main__", "errors"}
    assert set(FLOOR) >= {
        path.name for path in (ROOT / "tinybert").iterdir() if path.is_dir() and any(path.glob("*.py"))
    }


def test_no_two_modules_share_a_name():
    names = Counter(path.stem for path in MODULES)
    assert {name for name, count in names.items() if count > 1} <= AS_THE_TABLES
