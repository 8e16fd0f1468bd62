"""What GitHub and GitLab are told to run is there, and what they post says what changed."""

import json
import os
import re
import shutil
import subprocess

import pytest
from ruamel.yaml import YAML

from tests.import_closure import ROOT
from tests.smoke import run

GITHUB, GITLAB = ROOT / ".github/workflows/tinybert.yml", ROOT / ".gitlab-ci.yml"
AUDIT = ROOT / ".github/workflows/audit.yml"
TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def read(file):
    return YAML(typ="safe").load(file.read_text(encoding="utf-8"))


def scripts(file):
    """The shell scripts of a workflow."""
    made = read(file)
    if file != GITLAB:
        return [step["run"] for job in made["jobs"].values() for step in job["steps"] if "run" in step]
    return [line for job in made.values() if isinstance(job, dict) for line in job.get("script", ())]


@pytest.mark.parametrize("files", [(GITHUB, AUDIT), (GITLAB,)], ids=["GitHub", "GitLab"])
def test_what_is_run_is_there(files):
    text = "\n".join(line for file in files for line in scripts(file))
    assert subprocess.run(["bash", "-n"], input=text, text=True, check=False).returncode == 0
    targets, own = set(re.findall(r"\bmake (\w+)", text)), set(re.findall(r"\.ci/\w+", text))
    assert targets == {"quick", "smoke", "audit"}
    assert targets <= TARGETS
    assert own == {".ci/browser", ".ci/metrics"}
    assert all(os.access(ROOT / script, os.X_OK) for script in own)


def test_github_gives_the_right_to_write_to_no_code_of_a_pull_request():
    made = read(GITHUB)
    assert made["permissions"] == {"contents": "read"}
    writing = [job for job in made["jobs"].values() if "write" in str(job.get("permissions"))]
    assert writing == [made["jobs"]["comment"]]
    assert all("uses" not in step for step in writing[0]["steps"])
    assert read(AUDIT)["permissions"] == made["permissions"]
    jobs = [*made["jobs"].values(), *read(AUDIT)["jobs"].values()]
    steps = [step for job in jobs for step in job["steps"]]
    assert all(re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", step["uses"]) for step in steps if "uses" in step)
    assert not any("${{" in step.get("run", "") for step in steps)  # what others write gets in by variables alone


def test_what_is_installed_is_pinned():
    """By constraints.txt, or by a file of its own that lists all; and of npm by package-lock.json."""
    places = [ROOT / name for name in ("Makefile", "Dockerfile", ".gitlab-ci.yml")]
    places += [file for folder in (".ci", ".github/workflows") for file in (ROOT / folder).iterdir() if file.is_file()]
    text = "\n".join(file.read_text().replace("\\\n", " ") for file in places)
    installs = re.findall(r"pip install .*", text)
    assert len(installs) == 3
    assert all(
        re.search("--constraint constraints.txt|--no-deps --requirement requirements-audit.txt", each)
        for each in installs
    )
    assert set(re.findall(r"npm (\w+)", text.replace("npm error", ""))) <= {"ci"}


@pytest.fixture
def repository(tmp_path):
    """Two commits whose metrics differ."""
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci/metrics", tmp_path / ".ci")
    (tmp_path / "dvc.yaml").write_text("metrics: [metrics.json, speed.json]\n")
    run(tmp_path, "git", "init", "--quiet")
    run(tmp_path, "dvc", "init", "--quiet")
    for score in (0.84, 0.86):
        (tmp_path / "metrics.json").write_text(json.dumps({"small": {"score": score}}))
        (tmp_path / "speed.json").write_text("{}")
        run(tmp_path, "git", "add", "--all")
        identity = ("-c", "user.name=test", "-c", "user.email=test@example.org")
        run(tmp_path, "git", *identity, "commit", "--quiet", "--message", f"{score}")
    return tmp_path


@pytest.mark.slow
def test_metrics_are_compared(repository):
    said = run(repository, ".ci/metrics", "HEAD~1").stdout
    assert said.startswith("### Metrics, against `HEAD~1`\n\n| Path")
    assert re.search(r"\| metrics.json +\| small.score +\| 0.84 +\| 0.86 +\| 0.02 +\|", said)
    assert said.count("None differs.") == 1  # of times there are none
    assert run(repository, ".ci/metrics", "HEAD").stdout.count("None differs.") == 2
    assert run(repository, ".ci/metrics", "nowhere", check=False).returncode
