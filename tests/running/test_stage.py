"""The frame of every stage, as a user meets it: a process with output, an exit code, and files or none."""

import json
import os
import signal
import subprocess
import sys

import pandas as pd
import pytest

from tests.import_closure import ROOT
from tinybert.running.recorded import dvc_md5

START = """
import json, os, time
from pathlib import Path
from tinybert.running.stage import stage
from tinybert.errors import UserError
from tinybert.running.outputs import whole_file, whole_folder

OUT = Path("data/out")
with stage("some-stage@key", OUT) as reads, whole_folder(OUT) as partial:
    (partial / "half").write_text("half")
"""
SMALL = (
    "import resource, numpy as np; from safetensors.numpy import save_file; "
    "resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))"
)
"""No file may be larger, which each library says in words of its own, as it does of a full disk."""


def start(folder, *body):
    code = START + "".join(f"    {line}\n" for line in body)
    environment = {key: value for key, value in os.environ.items() if key != "HF_HUB_OFFLINE"}
    return subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=folder, env=environment | {"PYTHONPATH": str(ROOT)}, stdout=-1, stderr=-1, text=True,
    )  # fmt: skip


@pytest.fixture
def run(tmp_path):
    """Run a stage with the given lines as its body; returns exit code, output and errors."""

    def run(*body):
        process = start(tmp_path, *body)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    return run


@pytest.fixture
def running(tmp_path):
    """A stage in the middle of its body."""
    process = start(tmp_path, "print('in it', flush=True)", "time.sleep(60)")
    assert any("in it" in line for line in process.stdout)
    yield process
    process.kill()
    process.communicate()


def files(folder):
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"
    )


def test_what_it_reads_and_writes_comes_first_and_its_time_last(run, tmp_path):
    (tmp_path / "in").touch()
    code, out, err = run("reads(Path('in'))", "print('body', os.environ['HF_HUB_OFFLINE'])")
    assert (code, err) == (0, "")
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert lines[:5] == ["some-stage@key", "writes data/out", "reads params.yaml", "reads in", "body 1"]
    assert lines[-1].startswith("done in ")
    assert json.loads((tmp_path / ".runs/some-stage@key.json").read_text())["seconds"] >= 0
    assert files(tmp_path) == [".runs/some-stage@key.json", "data/out/half", "in"]


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        ("raise UserError('x.csv: line 7: wrong')", 1, "x.csv: line 7: wrong"),
        ("reads(Path('models/a'))", 1, "models/a: missing; an earlier stage writes it: run `dvc repro some-stage@key`"),
        ("reads(Path('my.csv'), missing='correct path')", 1, "my.csv: missing; correct path"),
        (
            "Path('b').mkdir(); reads(Path('b'))",
            1,
            "b: empty; an earlier stage writes it: run `dvc repro some-stage@key`",
        ),
        ("Path('models/a/config.json').read_text()", 1, "models/a/config.json: No such file or directory; correct the"),
        ("raise OSError(28, 'full', 'data/x')", 1, "data/x: No space left on device; free some room"),
        ("raise OSError(30, 'mounted so', 'data/x')", 1, "data/x: Read-only file system; check rights"),
        (f"{SMALL}; np.save(partial / 'x.npy', np.zeros(10**6))", 1, "data/out: File too large; free some room"),
        (f"{SMALL}; save_file({{'x': np.zeros(10**6)}}, partial / 'x')", 1, "data/out: File too large; free some room"),
        ("raise KeyboardInterrupt", 130, "stopped; nothing was written"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(run, tmp_path, line, code, message):
    found, _, err = run(line)
    assert found == code
    assert err.startswith(f"error: some-stage@key: {message}")
    assert err.count("\n") == 1
    assert files(tmp_path) == []


@pytest.mark.parametrize("blocked", ["data", "data/out", ".runs"])
def test_a_file_where_a_folder_is_to_be_is_in_the_way(run, tmp_path, blocked):
    (tmp_path / blocked).parent.mkdir(exist_ok=True)
    (tmp_path / blocked).touch()
    code, _, err = run("pass")
    assert (code, err.count("\n")) == (1, 1)
    assert err.startswith(f"error: some-stage@key: {blocked}")
    assert err.endswith("; move or remove what is in the way, and run it again\n")
    assert files(tmp_path) == [blocked]


@pytest.mark.parametrize(
    ("name", "how"), [("rows.parquet", "pd.read_parquet(file)"), ("task.json", "json.loads(file.read_text())")]
)
def test_an_input_that_is_cut_off_is_named(run, tmp_path, name, how):
    folder = tmp_path / "data/original/weather"
    folder.mkdir(parents=True)
    (folder / "facts.json").write_text("{}")
    pd.DataFrame({"text": ["wet"] * 99}).to_parquet(folder / "rows.parquet")
    (folder / "task.json").write_text('{"names": ["bad", "good"]}')
    (folder / name).write_bytes((folder / name).read_bytes()[:-9])
    code, _, err = run("import pandas as pd", f"file = reads(Path('data/original/weather'))[0] / '{name}'", how)
    assert (code, err.count("\n")) == (1, 1)
    assert err.startswith(f"error: some-stage@key: data/original/weather/{name}: damaged or cut off (")
    assert err.endswith("; `dvc repro some-stage@key` writes it again\n")


def test_a_bug_keeps_its_traceback_and_leaves_nothing(run, tmp_path):
    code, _, err = run("raise ZeroDivisionError")
    assert (code, "Traceback" in err, files(tmp_path)) == (1, True, [])


@pytest.fixture
def tracked(tmp_path):
    """A project that has this stage."""
    (tmp_path / "dvc.yaml").write_text(
        "stages: {some-stage: {foreach: '${tasks}', do: "
        "{deps: [in], params: ['tasks.${key}.epochs'], outs: [data/out]}}}"
    )
    (tmp_path / "params.yaml").write_text("tasks: {key: {epochs: 60}, other: {epochs: 1}}")
    (tmp_path / "in").touch()
    return tmp_path


def test_of_an_edited_value_the_work_is_kept_until_it_is_put_back(run, tracked):
    params, kept = tracked / "params.yaml", tracked / ".checkpoints/some-stage/key"
    edit = "params = Path('params.yaml'); params.write_text(params.read_text().replace('60', '3'))"
    code, _, err = run(edit)
    assert (code, err) == (
        1,
        "error: some-stage@key: params.yaml: tasks.key.epochs was 60 when it began and is 3 now; what it made is kept "
        "for when that is put back; `dvc repro` makes the new\n",
    )
    assert not (tracked / "data/out").exists()
    code, out, _ = run("print('computed')")
    assert (code, "computed" in out, len(list(kept.iterdir()))) == (0, True, 1)
    (tracked / "data/out/half").write_text("of 3")
    params.write_text(params.read_text().replace("3", "60"))
    code, out, err = run("print('computed')")
    assert (code, "kept for this one" in out, "computed" in out, err) == (0, True, False, "")
    assert (tracked / "data/out/half").read_text() == "half"
    run("pass")
    assert kept.exists()  # DVC has not recorded yet what was put back
    (tracked / "dvc.lock").write_text(f"outs: {dvc_md5(tracked / 'data/out')}")
    run("pass")
    assert not kept.exists()


def test_an_edited_input_ends_the_stage(run, tracked):
    code, _, err = run("Path('in').write_text('new')")
    assert (code, err.count("\n")) == (1, 1)
    assert err.startswith("error: some-stage@key: in: edited while this stage read it; run it again")
    assert not (tracked / ".checkpoints").exists()


def test_being_stopped_removes_what_is_partial_and_keeps_what_was_whole(tmp_path, request):
    (tmp_path / "data/out").mkdir(parents=True)
    (tmp_path / "data/out/old").touch()
    process = request.getfixturevalue("running")
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (143, "error: some-stage@key: stopped; nothing was written\n")
    assert files(tmp_path) == ["data/out/old"]
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["out"]


def test_a_second_run_beside_the_first_is_refused(running, run, tmp_path):
    """A killed `dvc repro` leaves its stage running; the next one must not write into the same folder."""
    code, _, err = run("pass")
    assert code == 1
    assert err.startswith("error: some-stage@key: some-stage@key is running already; wait for it")
    assert (tmp_path / "data/.out.partial/half").exists()


@pytest.mark.parametrize("ending", [".npy", ".arrow"])
def test_what_lies_damaged_in_a_cache_is_named(run, ending):
    """Objects, which would have to be unpickled, among it."""
    code, _, errors = run(
        "import numpy as np",
        "from datasets import Dataset",
        "from tinybert.running.caches import cache_entry",
        f"file = cache_entry(Path('.cache/made'), 1, '{ending}')",
        "file.parent.mkdir(parents=True)",
        "np.save(file.open('wb'), np.array([{}], dtype=object), allow_pickle=True)",
        "Dataset.from_file(str(file)) if file.suffix == '.arrow' else np.load(file, allow_pickle=False)",
    )
    assert code == 1
    (line,) = errors.splitlines()
    assert line.startswith("error: some-stage@key: .cache/made/")
    assert line.endswith("; remove it, and run this again")
