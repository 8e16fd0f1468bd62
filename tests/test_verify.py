"""The CI's verification of metrics.json: it passes what is promised, and each broken promise is one line."""

import copy
import importlib.util
import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from tests.evaluate.made_up import make_result, make_speed
from tests.import_closure import ROOT
from tests.tiny import tiny_bert, weather_report
from tinybert.models.heads import SequenceHead
from tinybert.models.loading import head_config, load_classifier, load_tokenizer

SCRIPT = ROOT / ".ci/verify.py"
specification = importlib.util.spec_from_file_location("verify", SCRIPT)
module = importlib.util.module_from_spec(specification)
specification.loader.exec_module(module)

NAMES = ["negative", "positive"]
STUDENT, OTHER = "movies-tinybert4", "movies-other"
GOOD = {
    STUDENT: make_result(0.855, 14_350_874, NAMES),
    OTHER: make_result(0.78, 14_350_874, NAMES) | {"agreement": 0.8},
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


def produce(folder, changes=(), file="metrics.json", good=GOOD):
    """The lines about a run that wrote `good` with values replaced at dotted paths (None: taken out)."""
    numbers = copy.deepcopy(good)
    for path, value in dict(changes).items():
        *parents, last = path.split(".")
        place = numbers
        for key in parents:
            place = place[key]
        if value is None:
            del place[last]
        else:
            place[last] = value
    (folder / file).write_text(json.dumps(numbers))
    return module.verify(folder)[2]


def of(**changes):
    """The changes of the student; `student__score` is its `student.score`."""
    return {f"{STUDENT}.{path.replace('__', '.')}": value for path, value in changes.items()}


def score(who, value):
    """The changes that give the student or its teacher another score, everything that follows from it included."""
    scores = {each: GOOD[STUDENT][each]["score"] for each in ("student", "teacher")} | {who: value}
    kept = scores["student"] / (scores["teacher"] or 1)
    own = {"score": value, "metrics": dict.fromkeys(("accuracy", "f1", "matthews"), value)}
    own |= {"ci95": [value - 0.015, value + 0.015], "onnx": GOOD[STUDENT][who]["onnx"] | {"score": value}}
    if who == "student":
        own["int8"] = GOOD[STUDENT][who]["int8"] | {"score": value - 0.001}
    return of(
        retention=kept,
        retention_ci95=[kept - 0.01, kept + 0.01],
        retention_int8=(scores["student"] - 0.001) / (scores["teacher"] or 1),
        **{f"{who}__{key}": own[key] for key in own},
    )


@pytest.fixture
def with_student(repository):
    """A student's folder beside the numbers, and 200 test rows of which it has 171 right: 0.855."""
    folder = repository / "models/students" / STUDENT
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
    done = subprocess.run([sys.executable, SCRIPT], cwd=folder, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, [line for line in done.stderr.splitlines() if line.startswith("error: ")]


def test_the_script_says_what_is_well_and_what_is_not(with_student):
    code, out, errors = run_script(with_student)
    assert (code, errors) == (0, [])
    assert out.startswith(f"{STUDENT}: 0.8550, teacher 0.8600, 2.00 times as fast\n")
    file = with_student / "data/original/movies/test.parquet"
    pd.read_parquet(file).assign(label=lambda rows: 1 - rows["label"]).to_parquet(file)
    code, _, errors = run_script(with_student)
    assert code == 1
    assert errors == [f"error: {STUDENT}: student.score is 0.855, but its folder gives 0.145000 text by text"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (score("teacher", 0.834), "teacher.score: expected at least 0.835, found 0.834"),
        (score("student", 0.82), "retention: expected at least 0.965, found 0.953488"),
        (of(student__parameters=1), "student.parameters: expected 14,350,874, found 1"),
        (of(retention=0.99), "retention: expected 0.994086 to 0.994286, found 0.99"),
        (of(student__score=0.856), "student.metrics.accuracy: expected 0.856, found 0.855"),
        (of(student__ci95=[0.1, 0.2]), "student.score: expected 0.1 to 0.2, found 0.855"),
        (of(student__ci95=[0.5, 0.9]), "student.width of ci95: expected 0.01998 to 0.045898, found 0.4"),
        (score("teacher", 0.0) | of(retention=0.9), "retention: expected none of a teacher's score of 0.0, found 0.9"),
        (of(retention_ci95=[5.0, 9.0]), "retention: expected 5.0 to 9.0, found 0.994186"),
        (of(compression=99.0), "compression: expected 1.58266 to 1.58286, found 99.0"),
        (of(agreement=0.999), "agreement: expected 0 to 0.9951, found 0.999"),
        (of(student__bytes=60_000_000), "student.bytes: expected 57,403,496 to 57,469,032, found 60,000,000"),
        (of(student__onnx=None), "student.onnx.score: expected 0.854 to 0.856, found None"),
        (of(compression_int8=99.0), "compression_int8: expected 6.33"),
        (of(student__encoder_parameters=28_700_000), "student.encoder_parameters: expected 1 to 14,350,873, found 28"),
        ({f"{OTHER}.teacher.flops": 1}, f"teacher.flops is 1, but 2271398600 in {STUDENT}, of the same"),
        (of(extra=1), f"metrics.json: {STUDENT}.extra: Extra inputs"),
        (of(student__bytes="many"), f"metrics.json: {STUDENT}.student.bytes"),
        (of(agreement=None), f"metrics.json: {STUDENT}.agreement: Field required"),
        (of(alternatives__static=None), "alternatives.static: missing, and it can be had for this task"),
        (of(alternatives__tfidf__score=0.8), "alternatives.tfidf.score: expected 0.75 to 0.79, found 0.8"),
        (of(alternatives__static__bytes=15_600_100), "alternatives.static.bytes: committed"),
        ({STUDENT: None}, f"{STUDENT}: missing; the students are {OTHER}"),
        ({STUDENT: None}, f"{STUDENT}: in the committed file only"),
        # What the run does not produce, and another machine's rounding does not explain.
        (score("student", 0.855 + 0.016), "student.score: committed"),
        (of(examples__test=2120), "examples.test: committed"),
        (of(examples__augmented=21_000), "examples.augmented: committed"),
        (of(seed=43), "seed: committed"),
        (of(agreement=0.5), "agreement: committed"),
    ],
)
def test_a_broken_promise_is_a_line(repository, changes, message):
    assert any(message in line for line in produce(repository, changes))


def test_another_machines_rounding_is_tolerated(repository):
    changes = score("student", 0.855 + 0.014) | of(examples__augmented=22_100, precision="fp32")
    changes |= of(alternatives__static__bytes=15_600_001)
    assert produce(repository, changes) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (of(twin__interval=[1.01, 1.03]), "twin.interval [1.01, 1.03] leaves out 1: what was timed is not the model"),
        (
            {f"{STUDENT}.models.student/torch.batch32.times_faster": 9.0},
            "student/torch.batch32.times_faster: expected 1.9 to 2.1, found 9.0",
        ),
        ({f"{STUDENT}.models.student/onnx.batch1.p99_ms": 1.0}, "onnx.batch1.p99_ms: expected at least 6.0, found 1.0"),
        (
            {f"{STUDENT}.models.bert-base/torch.texts_per_core_second": 10.0},
            "student/int8 beside bert-base/torch, texts a core: expected at least 20.0, found 15.0",
        ),
        ({f"{STUDENT}.models.static": None}, f"{STUDENT}: static: scored, and not timed"),
        (of(machine__threads=0), f"speed.json: {STUDENT}.machine.threads"),
        ({OTHER: None}, f"speed.json: expected times of {STUDENT}, {OTHER}, found {STUDENT}"),
    ],
)
def test_times_that_are_no_good_are_a_line(repository, changes, message):
    (line,) = produce(repository, changes, file="speed.json", good=SPEEDS)
    assert message in line


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (score("teacher", 0.849), f"HEAD:{STUDENT}: teacher.score: expected at least 0.85,"),
        (score("student", 0.842), f"HEAD:{STUDENT}: retention: expected at least 0.98,"),
    ],
)
def test_committed_numbers_keep_the_promises_to_the_last_digit(repository, changes, message):
    assert not any(message in line for line in produce(repository, changes))
    git(repository, "commit", "-q", "-a", "-m", "worse", "--no-verify")
    assert any(message in line for line in produce(repository))


def test_an_uncommitted_file_is_a_line(tmp_path):
    git(tmp_path, "init", "-q")
    missing = [f"{file}: missing; run `make repro`" for file in ("metrics.json", "speed.json")]
    assert module.verify(tmp_path)[2] == missing
    (tmp_path / "speed.json").write_text(json.dumps(SPEEDS))
    assert any("not committed" in line for line in produce(tmp_path))


def test_memory_is_promised_too(repository):
    (repository / ".runs").mkdir()
    for gib, lines in ((5, []), (7, ["augment@movies: 7.0 GiB of memory, at most 6 are promised"])):
        (repository / ".runs/augment@movies.json").write_text(json.dumps({"seconds": 1, "bytes": gib * 2**30}))
        assert produce(repository) == lines
