"""The CI's verification of metrics.json: it passes what is promised, and each broken promise is one line."""

import copy
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.evaluate.made_up import make_result, make_speed
from tests.tiny import tiny_bert, weather_report
from tinybert.models.heads import SequenceHead
from tinybert.models.loading import head_config, load_classifier, load_tokenizer

SCRIPT = Path(__file__).parents[1] / ".ci/verify.py"
specification = importlib.util.spec_from_file_location("verify", SCRIPT)
module = importlib.util.module_from_spec(specification)
specification.loader.exec_module(module)
verify = module.verify

NAMES = ["negative", "positive"]
GOOD = {
    "movies-tinybert4": make_result(0.855, 14_350_874, NAMES),
    "movies-other": make_result(0.78, 14_350_874, NAMES) | {"agreement": 0.8},
}
SPEEDS = {name: make_speed(2.0) for name in GOOD}


def git(folder, *arguments):
    identity = ["-c", "user.name=t", "-c", "user.email=t@t", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path):
    """A repository in which `GOOD` is committed."""
    git(tmp_path, "init", "-q")
    (tmp_path / "metrics.json").write_text(json.dumps(GOOD))
    (tmp_path / "speed.json").write_text(json.dumps(SPEEDS))
    git(tmp_path, "add", "metrics.json")
    git(tmp_path, "commit", "-q", "-m", "numbers", "--no-verify")
    return tmp_path


def produce(folder, *changes, file="metrics.json", good=GOOD):
    """Write what a run produced: `good` with values replaced at dotted paths below the student."""
    numbers = copy.deepcopy(good)
    for path, value in changes:
        *parents, last = path.split(".")
        place = numbers
        for key in parents:
            place = place[key]
        place[last] = value
    (folder / file).write_text(json.dumps(numbers))
    return verify(folder)[1]


def score(student, who, value):
    """The changes that give a model another score, everything that follows from it included."""
    other = GOOD[student]["student" if who == "teacher" else "teacher"]["score"]
    kept = value / other if who == "student" else other / value
    prefix = f"{student}.{who}"
    return (
        (f"{prefix}.score", value),
        (f"{prefix}.metrics", dict.fromkeys(("accuracy", "f1", "matthews"), value)),
        (f"{prefix}.ci95", [value - 0.015, value + 0.015]),
        (f"{student}.retention", kept),
        (f"{student}.retention_ci95", [kept - 0.01, kept + 0.01]),
    )


@pytest.fixture
def with_student(repository):
    """A student's folder beside the numbers, and 200 test rows of which it has 171 right: 0.855."""
    folder = repository / "models/students/movies-tinybert4"
    tiny_bert(folder)
    model = load_classifier(folder, new_head=head_config(NAMES)).eval()
    model.save_pretrained(folder)
    texts = [weather_report(np.random.default_rng(row), good=bool(row % 2)) for row in range(200)]
    rows = pd.DataFrame({"text": texts, "label": 0})
    said = SequenceHead().logits(model, load_tokenizer(folder), rows, max_length=64).argmax(1)
    rows["label"] = np.where(np.arange(200) < 171, said, 1 - said)
    (repository / "data/original/movies").mkdir(parents=True)
    rows.to_parquet(repository / "data/original/movies/test.parquet")
    return repository


def run_script(folder):
    return subprocess.run([sys.executable, SCRIPT], cwd=folder, capture_output=True, text=True, check=False)


def test_the_script_prints_a_table_when_all_is_well(with_student):
    done = run_script(with_student)
    assert (done.returncode, [line for line in done.stderr.splitlines() if line.startswith("error")]) == (0, [])
    assert "movies-tinybert4" in done.stdout
    assert "14,350,874" in done.stdout


def test_a_folder_that_does_not_give_its_score_is_a_line(with_student):
    file = with_student / "data/original/movies/test.parquet"
    pd.read_parquet(file).assign(label=lambda rows: 1 - rows["label"]).to_parquet(file)
    done = run_script(with_student)
    assert done.returncode == 1
    assert "student.score is 0.855, but its folder gives 0.145000 in a plain loop" in done.stderr


def test_the_script_prints_one_line_and_fails(repository):
    produce(repository, ("movies-tinybert4.student.parameters", 15_000_000))
    done = run_script(repository)
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert lines[0] == "error: movies-tinybert4: student.parameters: expected 14,350,874, found 15,000,000"
    assert all(line.startswith("error: movies-tinybert4: ") for line in lines)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (score("movies-tinybert4", "teacher", 0.834), "teacher.score: expected at least 0.835"),
        (score("movies-tinybert4", "student", 0.82), "retention: expected at least 0.965"),
        ([("movies-tinybert4.student.parameters", 1)], "student.parameters: expected 14,350,874"),
        ([("movies-tinybert4.retention", 0.99)], "retention is 0.99, but"),
        ([("movies-tinybert4.student.score", 0.856)], "but its metrics.accuracy is 0.855"),
        ([("movies-tinybert4.student.ci95", [0.1, 0.2])], "student.score 0.855 is outside its interval"),
        ([("movies-tinybert4.student.ci95", [0.5, 0.9])], "ci95 is 0.4000 wide, but 0.0300 is what 2,121 rows give"),
        ([("movies-tinybert4.retention_ci95", [5.0, 9.0])], "retention 0.994186 is outside its interval"),
        ([("movies-tinybert4.compression", 99.0)], "compression is 99.0, but the bytes give 1.582760"),
        ([("movies-tinybert4.agreement", 0.999)], "agreement is 0.999, but the accuracies are 0.0050 apart"),
        ([("movies-tinybert4.student.bytes", 60_000_000)], "bytes are 60,000,000, but 14,350,874 parameters"),
        ([("movies-tinybert4.student.encoder_parameters", 28_700_000)], "encoder_parameters are 28,700,000, of 14,"),
        ([("movies-other.teacher.flops", 1)], "teacher.flops is 1, but 2271398600 in movies-tinybert4, of the same"),
        ([("movies-tinybert4.extra", 1)], "metrics.json: movies-tinybert4.extra: Extra inputs"),
        ([("movies-tinybert4.student.bytes", "many")], "metrics.json: movies-tinybert4.student.bytes"),
    ],
)
def test_a_broken_promise_is_a_line(repository, changes, message):
    assert any(message in line for line in produce(repository, *changes))


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (
            "twin.interval",
            [1.01, 1.03],
            "twin.interval [1.01, 1.03] leaves out 1: what was timed is not the model alone",
        ),
        (
            "models.student/torch.batch32.times_faster",
            9.0,
            "student/torch.batch32: times_faster 9.0 is outside [1.9, 2.1]",
        ),
        ("machine.threads", 0, "speed.json: movies-tinybert4.machine.threads"),
    ],
)
def test_times_that_are_no_good_are_a_line(repository, path, value, message):
    (line,) = produce(repository, (f"movies-tinybert4.{path}", value), file="speed.json", good=SPEEDS)
    assert message in line


def test_a_student_without_times_is_a_line(repository):
    (line,) = produce(repository, file="speed.json", good={"movies-tinybert4": make_speed(1.0)})
    assert line == "speed.json: expected times of movies-tinybert4, movies-other, found movies-tinybert4"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (score("movies-tinybert4", "teacher", 0.849), "HEAD:movies-tinybert4: teacher.score: expected at least 0.85,"),
        (score("movies-tinybert4", "student", 0.842), "HEAD:movies-tinybert4: retention: expected at least 0.98,"),
    ],
)
def test_committed_numbers_keep_the_promises_to_the_last_digit(repository, changes, message):
    assert not any(message in line for line in produce(repository, *changes))
    git(repository, "commit", "-q", "-a", "-m", "worse", "--no-verify")
    assert any(message in line for line in produce(repository))


def test_a_missing_key_or_student_is_a_line(repository):
    metrics = copy.deepcopy(GOOD)
    del metrics["movies-tinybert4"]["agreement"]
    (repository / "metrics.json").write_text(json.dumps(metrics))
    assert any("movies-tinybert4.agreement: Field required" in line for line in verify(repository)[1])
    del metrics["movies-tinybert4"]
    (repository / "metrics.json").write_text(json.dumps(metrics))
    lines = verify(repository)[1]
    assert any("movies-tinybert4: missing" in line for line in lines)
    assert any("in the committed file only" in line for line in lines)


def test_another_machines_rounding_is_tolerated(repository):
    changes = (
        *score("movies-tinybert4", "student", 0.855 + 0.014),
        ("movies-tinybert4.examples.augmented", 22_100),
        ("movies-tinybert4.precision", "fp32"),
    )
    assert produce(repository, *changes) == []


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        (score("movies-tinybert4", "student", 0.855 + 0.016), "student.score"),
        ([("movies-tinybert4.examples.test", 2120)], "examples.test"),
        ([("movies-tinybert4.examples.augmented", 21_000)], "examples.augmented"),
        ([("movies-tinybert4.student.bytes", 1)], "student.bytes"),
        ([("movies-tinybert4.seed", 43)], "seed"),
        ([("movies-tinybert4.agreement", 0.5)], "agreement"),
    ],
)
def test_a_file_that_the_run_does_not_produce_is_a_line(repository, changes, path):
    assert any(f"{path}: committed" in line for line in produce(repository, *changes))


def test_an_uncommitted_file_is_a_line(tmp_path):
    git(tmp_path, "init", "-q")
    assert verify(tmp_path)[1] == [f"{file}: missing; run `make repro`" for file in ("metrics.json", "speed.json")]
    (tmp_path / "speed.json").write_text(json.dumps(SPEEDS))
    assert any("not committed" in line for line in produce(tmp_path))


def test_memory_is_promised_too(repository):
    runs = repository / ".runs"
    runs.mkdir()
    (runs / "augment@movies.json").write_text(json.dumps({"seconds": 1, "bytes": 5 * 2**30}))
    assert produce(repository) == []
    (runs / "augment@movies.json").write_text(json.dumps({"seconds": 1, "bytes": 7 * 2**30}))
    assert produce(repository) == ["augment@movies: 7.0 GiB of memory, at most 6 are promised"]
