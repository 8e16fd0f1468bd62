"""dvc.yaml, params.yaml, every preset, the types and the stage scripts say the same."""

import ast
import json
import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests import import_closure
from tests.import_closure import ROOT, departures, is_code
from tests.smoke import run
from tinybert.params.experiment import find_mistakes
from tinybert.params.table import read_yaml

PIPELINE = YAML(typ="safe").load(ROOT / "dvc.yaml")
STAGES = {name: (body, script) for name, body, script in import_closure.stages(PIPELINE)}
PARAMS = [ROOT / "params.yaml", *sorted((ROOT / "presets").glob("*.yaml"))]

UNTRACKED = {"tasks.*.above_chance"}
"""What it refuses has failed, and is run again anyhow; of what it lets pass it changes no byte."""

each_stage = pytest.mark.parametrize("name", STAGES)
each_params = pytest.mark.parametrize("params", PARAMS, ids=lambda file: file.name)


def instances(name, params):
    """The values that dvc.yaml's `${…}` may name, for each entry that the stage runs over."""
    table = PIPELINE["stages"][name].get("foreach")
    if table is None:
        return [params]
    entries = params[table.removeprefix("${").removesuffix("}")]
    return [params | {"key": key, "item": item} for key, item in entries.items()]


def look_up(path, values):
    """The value at a dotted path; a KeyError names a key that DVC would not find."""
    for key in path.split("."):
        values = values[key]
    return values


def resolve(text, values):
    return re.sub(r"\$\{([^}]+)\}", lambda match: str(look_up(match[1], values)), text)


def listed(body, *fields):
    """The paths in lists such as `outs`, whose items are paths or have the path as their key."""
    items = [item for field in fields for item in body.get(field, [])]
    return [next(iter(item)) if isinstance(item, dict) else item for item in items]


@each_params
def test_params_have_no_mistake(params):
    assert list(find_mistakes(params)) == []


def test_code_is_what_decides_bytes():
    assert list(departures(PIPELINE)) == []


def test_each_stage_is_described_and_says_what_it_depends_on():
    descriptions = [PIPELINE["stages"][name].get("desc", body.get("desc")) for name, (body, _) in STAGES.items()]
    assert all(descriptions)
    assert len(set(descriptions)) == len(descriptions)
    assert all(body["params"] for body, _ in STAGES.values())


def test_each_script_is_a_stage_and_each_stage_has_its_script():
    scripts = {path.stem for path in (ROOT / "stages").glob("*.py")} - {"__init__", "command"}
    assert scripts == {script.removeprefix("stages.") for _, script in STAGES.values()}
    assert all(script == f"stages.{name.replace('-', '_')}" for name, (_, script) in STAGES.items())


@each_params
@each_stage
def test_tracked_and_interpolated_keys_are_in_every_entry(name, params):
    body, _ = STAGES[name]
    for values in instances(name, read_yaml(params)):
        for text in [body["cmd"], *listed(body, "deps", "outs", "metrics", "plots")]:
            assert "${" not in resolve(text, values)
        for key in body["params"]:
            look_up(resolve(key, values), values)


@each_params
@each_stage
def test_data_comes_from_another_stage(name, params):
    params = read_yaml(params)
    outs = {
        Path(resolve(out, values))
        for other, (body, _) in STAGES.items()
        for values in instances(other, params)
        for out in listed(body, "outs", "metrics", "plots")
        if other != name
    }
    own = {Path(entry["path"]) for entry in params["files"].values()}
    for values in instances(name, params):
        deps = {Path(resolve(dep, values)) for dep in STAGES[name][0]["deps"] if not is_code(dep)}
        for dep in deps - own:
            written = any(dep == out or dep in out.parents or out in dep.parents for out in outs)
            in_git = dep.parts[0] in import_closure.PACKAGES and (ROOT / dep).exists()
            assert written or in_git, f"no stage writes {dep}"


@each_stage
def test_what_the_script_reads_of_params_is_tracked(name):
    """A table, or a key of an entry, that a script reads and DVC doesn't track leaves a stale result standing."""
    body, script = STAGES[name]
    tracked = {re.sub(r"\$\{[^}]+\}", "*", key) for key in body["params"]}
    interpolated = set(re.findall(r"\$\{item\.(\w+)", " ".join(listed(body, "deps", "outs"))))
    for read in reads_of(ROOT / f"{script.replace('.', '/')}.py") - UNTRACKED:
        parts = read.split(".")
        above = {".".join(parts[:count]) for count in range(1, len(parts) + 1)}
        below = {key for key in tracked if key.startswith(f"{read}.")}
        assert above & tracked or below or parts[-1] in interpolated, f"{script} reads {read}, which isn't tracked"


def reads_of(file):
    """What a stage script reads of params.yaml: `seed`, `tasks.*.metric`, or `tasks` for any part of an entry."""
    nodes = list(ast.walk(ast.parse(file.read_text())))
    variables, reads = {}, set()
    for node in nodes:
        if isinstance(node, ast.Assign):
            parts = [part.elts if isinstance(part, ast.Tuple) else [part] for part in (node.targets[0], node.value)]
            variables |= {
                target.id: source_of(value) for target, value in zip(*parts, strict=False) if source_of(value)
            }
    for node in nodes:
        if source_of(node):
            reads.add(source_of(node))
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in variables:
            source = variables[node.value.id]
            reads.add(node.attr if source == "run" else f"{source}.*.{node.attr}")
    return reads - {"run"}


def source_of(node):
    """`run` for a call of load_run, `name` for one of load_name, the table for load_entry, None for anything else."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
        return None
    if node.func.id == "load_entry":
        return node.args[1].value
    return {"load_run": "run", "load_name": "name"}.get(node.func.id)


class TestImportClosure:
    @pytest.fixture
    def project(self, tmp_path):
        files = {
            "stages/__init__.py": "",
            "stages/a.py": "from tinybert.text import one\ndef main():\n    from tinybert.deep.two import name\n",
            "tinybert/__init__.py": "",
            "tinybert/text/__init__.py": "from .three import name\n",
            "tinybert/text/one.py": "import tinybert.text.one\n",
            "tinybert/text/three.py": "name = 1\n",
            "tinybert/deep/__init__.py": "",
            "tinybert/deep/two.py": "def lazy():\n    import tinybert.deep.four\nname = 1\n",
            "tinybert/deep/four.py": "raise RuntimeError('nothing is executed')\n",
            "tinybert/deep/other.py": "name = 1\n",
        }
        for name, content in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(content)
        return tmp_path

    def test_lazy_and_relative_imports_and_packages_that_say_something(self, project):
        assert import_closure.import_closure("stages.a", project) == [
            "stages/a.py",
            "tinybert/deep/four.py",
            "tinybert/deep/two.py",
            "tinybert/text/__init__.py",
            "tinybert/text/one.py",
            "tinybert/text/three.py",
        ]

    def test_what_departs_from_the_imports_is_said(self, project):
        deps = ["data/x", "stages/a.py", "tinybert/deep/four.py", "tinybert/deep/other.py", "tinybert/text"]
        assert list(departures({"stages": {"a": {"cmd": "python -m stages.a", "deps": deps}}}, project)) == [
            "a: tinybert/deep/two.py is imported, and not listed",
            "a: tinybert/deep/other.py is listed, and not imported",
        ]


@pytest.mark.slow
def test_the_committed_lock_is_fresh():
    """No stage whose inputs are in git is stale; data that a clone doesn't have yet is left aside.

    The report's one folder of data is half in git (the scores), so DVC calls it modified until the rest is there; of
    the report's inputs nothing else may be.
    """
    done = run(ROOT, "dvc", "repro", "--dry", "--allow-missing", check=False)
    stale = set(re.findall("Running stage '([^']+)'", done.stdout)) - {"report"}
    assert (done.returncode, stale) == (0, set()), (
        f"dvc.lock is stale: run `make repro` and commit it\n{done.stdout}\n{done.stderr}"
    )
    parts = json.loads(run(ROOT, "dvc", "status", "report", "--json").stdout).get("report", [])
    changed = {dep for part in parts if isinstance(part, dict) for dep in part.get("changed deps", {})}
    assert changed <= {"evaluation/default"}, "the report is stale: run `make repro` and commit dvc.lock"
