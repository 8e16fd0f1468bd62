import pytest
from ruamel.yaml import YAML

from tests.smoke import run
from tinybert.running.recorded import dvc_md5, remove_recorded

pytestmark = pytest.mark.slow


def _lock(project):
    return YAML(typ="safe", pure=True).load((project / "dvc.lock").read_text())


def test_outs_are_named_as_dvc_names_them(reproduced):
    outs = [out for entry in _lock(reproduced)["stages"].values() for out in entry["outs"]]
    assert len(outs) > 20
    for out in outs:
        assert dvc_md5(reproduced / out["path"]) == out["md5"].removesuffix(".dir"), out["path"]


def test_progress_stays_until_dvc_has_recorded_what_came_of_it(project, monkeypatch):
    monkeypatch.chdir(project)
    stage, lock = "finetune-teacher@weather", project / "dvc.lock"
    params = project / "params.yaml"
    params.write_text(params.read_text().replace("epochs: 4", "epochs: 3"))
    before = lock.read_text()
    run(project, "dvc", "repro", "--single-item", stage)
    (kept,) = (project / ".checkpoints/finetune-teacher/weather").iterdir()
    after = lock.read_text()
    lock.write_text(before)  # as where dvc was killed before it wrote that
    assert f"{stage}  step 63 of 63" in run(project, "python", "-m", "tinybert", "checkpoints").stdout
    assert kept.exists()
    lock.write_text(after)
    remove_recorded()
    assert not kept.exists()
