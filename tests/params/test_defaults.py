"""A default that stood elsewhere would decide bytes that no stage depends on."""

import ast

import pytest

from tests.import_closure import ROOT

TABLES = [file for file in sorted((ROOT / "tinybert/params").glob("*.py")) if file.stem not in ("__init__", "defaults")]
ABSENT = ("None", "[]", "{}")
DECIDES_NOTHING = ("CHECKPOINT_MINUTES", "PLAIN")


@pytest.mark.parametrize("file", TABLES, ids=lambda file: file.stem)
def test_no_table_has_a_default_of_its_own(file):
    for table in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        for key in table.body if isinstance(table, ast.ClassDef) else ():
            if isinstance(key, ast.AnnAssign) and key.value is not None:
                given = key.value.args[:1] if isinstance(key.value, ast.Call) else [key.value]
                for value in map(ast.unparse, given):
                    assert value in (*ABSENT, *DECIDES_NOTHING) or value.startswith("defaults."), (
                        f"{table.name}.{ast.unparse(key)}"
                    )
