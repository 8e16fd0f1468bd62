"""The pipeline as DVC runs it, on tiny models: what re-runs after which change, and what does not."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from tests.smoke import run
from tinybert.params.table import read_yaml
from tinybert.tokens.encoding import ORIGINAL

pytestmark = pytest.mark.slow

ANOTHER = """\
  another:
    task: weather
    general: small
    intermediate: {data: original, epochs: 0, learning_rate: 1.0e-3, losses: {}}
    prediction: {data: original, epochs: 2, batch_size: 8, learning_rate: 1.0e-2, losses: {labels: 1.0}}
    export: {int8: "off", max_loss: 0.0}
"""


def stages_run(output: str) -> set[str]:
    return set(re.findall(r"Running stage '([^']+)'", output))


def change(project: Path, old: str, new: str) -> None:
    file = project / "params.yaml"
    text = file.read_text()
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in params.yaml"
    file.write_text(text.replace(old, new))


def digests(project: Path) -> dict[str, bytes]:
    files = (file for part in ("data", "models") for file in (project / part).rglob("*") if file.is_file())
    return {file.relative_to(project).as_posix(): file.read_bytes() for file in files if file.name != ".gitignore"}


def test_a_second_repro_does_nothing(project):
    output = run(project, "dvc", "repro").stdout
    assert not stages_run(output)
    assert "up to date" in output


def downstream(project: Path, stage: str) -> set[str]:
    """What hangs on a stage, itself among it."""
    return stages_run(run(project, "dvc", "repro", "--dry", "--force", "--downstream", stage).stdout)


def test_a_prediction_parameter_re_runs_prediction_and_what_follows_and_back_is_restored(project):
    old, new = "data: augmented, epochs: 1, batch_size: 8", "data: augmented, epochs: 2, batch_size: 8"
    before = digests(project)
    change(project, old, new)
    assert stages_run(run(project, "dvc", "repro").stdout) == {
        "prediction-distill@weather-small",
        "export@weather-small",
        "evaluate@weather-small",
        "speed@weather-small",
        "report",
    }
    assert digests(project) != before
    assert "metrics.json" in json.loads(run(project, "dvc", "metrics", "show", "--json").stdout)[""]["data"]
    assert "agreement" in run(project, "dvc", "metrics", "diff", "--all").stdout
    run(project, "dvc", "plots", "show")
    page = (project / "dvc_plots" / "index.html").read_text()
    assert "curves/prediction/weather-small/losses.csv" in page.replace("\\", "/")
    change(project, new, old)
    output = run(project, "dvc", "repro").stdout
    assert not stages_run(output)
    assert "Stage 'prediction-distill@weather-small' is cached - skipping run" in output
    assert digests(project) == before


def test_an_augmentation_parameter_leaves_teacher_and_general_student(project):
    change(project, "copies: 2", "copies: 1")
    assert stages_run(run(project, "dvc", "repro", "--dry").stdout) == {"augment@weather", "report"}
    assert downstream(project, "augment@weather") == {
        "augment@weather",
        "intermediate-distill@weather-small",
        "prediction-distill@weather-small",
        "export@weather-small",
        "evaluate@weather-small",
        "speed@weather-small",
        "report",
    }


def test_a_new_student_is_all_that_is_trained_and_goes_without_a_trace(project):
    """Whatever ran before: the same entries, the same hashes. (DVC keeps what it noted of stages that are gone.)"""
    before, params = read_yaml(project / "dvc.lock")["stages"], (project / "params.yaml").read_text()
    (project / "params.yaml").write_text(params + ANOTHER)
    assert stages_run(run(project, "dvc", "repro").stdout) == {
        "intermediate-distill@another",
        "prediction-distill@another",
        "export@another",
        "evaluate@another",
        "speed@another",
        "report",
    }
    assert set(json.loads((project / "metrics.json").read_text())) == {"weather-small", "another"}
    # It learns from the original rows alone, so it doesn't hang on the augmentation.
    hanging = downstream(project, "augment@weather")
    assert "evaluate@weather-small" in hanging
    assert not any(stage.endswith("@another") for stage in hanging)
    shown = run(project, "dvc", "plots", "show")
    assert "WARNING" not in shown.stdout + shown.stderr
    assert {"another.json"} <= {file.name for file in (project / "evaluation/smoke").iterdir()}
    (project / "params.yaml").write_text(params)
    assert stages_run(run(project, "dvc", "repro").stdout) <= {"report"}
    assert before.items() <= read_yaml(project / "dvc.lock")["stages"].items()
    assert run(project, "git", "status", "--short", "--untracked-files=all").stdout.split() == ["M", "dvc.lock"]
    assert not stages_run(run(project, "dvc", "repro").stdout)


@pytest.mark.parametrize(
    ("file", "old", "new", "runs"),
    [
        ("params.yaml", "    max_length: 16\n", "    max_length: 16\n    above_chance: false\n", {"report"}),
        ("params.yaml", "    task: weather\n", "    task: weather\n    variant: full\n", {"report"}),
        ("tinybert/errors.py", "did you mean", "did you really mean", set()),
        ("tinybert/params/table.py", "unknown key", "no such key", set()),
    ],
)
def test_what_trains_nothing(project, file, old, new, runs):
    text = (project / file).read_text()
    (project / file).write_text(text.replace(old, new))
    assert stages_run(run(project, "dvc", "repro", "--dry").stdout) == runs


def test_a_changed_default_re_runs_whatever_loads_an_entry(project):
    with (project / "tinybert/params/defaults.py").open("a") as stream:
        stream.write("WARMUP = 0.2\n")
    assert len(stages_run(run(project, "dvc", "repro", "--dry").stdout)) >= 13


def test_a_submission_file_is_asked_for_without_training(project):
    """Nor does a further test set train anything: the teacher depends on its rows, and they are the same."""
    folder = project / "smoke/tables"
    folder.mkdir()
    (project / "smoke/weather.csv").rename(folder / "train.csv")
    (folder / "more.csv").write_text("text,label\nsunny note,good\nstormy note,bad\n")
    (folder / "unseen.csv").write_text("text\nwet note\n")
    change(project, "path: smoke/weather.csv", "path: smoke/tables")
    change(
        project,
        "split: {test: 0.2,",
        "split: {train: train.csv, also_test: {more: more.csv}, unlabelled: {mine: unseen.csv}, test: 0.2,",
    )
    run(project, "dvc", "repro", "prepare-task@weather")
    assert (project / "data/original/weather/unlabelled/mine.parquet").exists()
    stages = {stage.partition("@")[0] for stage in stages_run(run(project, "dvc", "repro", "--dry").stdout)}
    assert "evaluate" in stages
    assert stages <= {"evaluate", "report"}


def test_the_augmentation_waits_for_no_teacher(project):
    hanging = downstream(project, "finetune-teacher@weather")
    assert "intermediate-distill@weather-small" in hanging
    assert "adapt-mlm@weather" not in hanging


def test_another_checkout_pulls_and_has_nothing_to_do(project, tmp_path):
    run(project, "dvc", "remote", "add", "--default", "store", str(tmp_path / "store"))
    run(project, "git", "commit", "--quiet", "--all", "--message", "remote")
    run(project, "dvc", "push")
    run(tmp_path, "git", "clone", "--quiet", str(project), "clone")
    clone = tmp_path / "clone"
    run(clone, "dvc", "pull")
    assert not stages_run(run(clone, "dvc", "repro").stdout)
    assert digests(clone) == digests(project)


def test_two_runs_from_scratch_differ_in_times_alone(reproduced, tmp_path):
    """A clone on the same machine that runs everything anew: only speed.json, and what DVC notes of it, is another."""
    clone = tmp_path / "clone"
    run(tmp_path, "git", "clone", "--quiet", str(reproduced), "clone")
    run(clone, "dvc", "repro")
    first, second = digests(reproduced), digests(clone)
    assert set(first) == set(second)
    assert [name for name in first if first[name] != second[name]] == []
    status = run(clone, "git", "status", "--short", "--untracked-files=all").stdout
    assert status.split() == ["M", "dvc.lock", "M", "speed.json"]
    old, new = (read_yaml(project / "dvc.lock")["stages"] for project in (reproduced, clone))
    assert {name for name in old | new if old.get(name) != new.get(name)} == {"speed@weather-small", "report"}
    speeds = [json.loads((project / "speed.json").read_text())["weather-small"] for project in (reproduced, clone)]
    assert speeds[0]["machine"] == speeds[1]["machine"]
    gathered = "evaluation/smoke/gathered/weather-small"
    for file in (file for file in (reproduced / gathered).rglob("*") if file.is_file()):
        assert file.read_bytes() == (clone / file.relative_to(reproduced)).read_bytes(), file


def test_a_student_is_a_plain_hugging_face_folder_that_gives_its_score(reproduced):
    folder = reproduced / "models" / "students" / "weather-small"
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    rows = pd.read_parquet(reproduced / "data" / "original" / "weather" / "test.parquet")
    assert model.config.id2label == {0: "bad", 1: "good"}
    right, said = 0, set()
    with torch.no_grad():
        for text, label in zip(rows["text"], rows["label"], strict=True):
            inputs = tokenizer(text, return_tensors="pt", truncation=True, max_length=16)
            answer = model(**inputs).logits.argmax().item()
            said.add(answer)
            right += answer == label
    assert said == {0, 1}  # a student that always says the same could have its score from any head
    assert "in order: bad, good" in (folder / "README.md").read_text()
    result = json.loads((reproduced / "metrics.json").read_text())["weather-small"]
    assert right / len(rows) == pytest.approx(result["student"]["score"], abs=1e-4)


def test_the_intermediate_phase_leaves_the_prediction_layer_to_the_byte(reproduced, tmp_path):
    """Against the same phase with no epochs, which writes the layer as it was drawn."""
    project = tmp_path / "copy"
    shutil.copytree(reproduced, project, symlinks=True)
    trained = load_file(project / "models/intermediate/weather-small/model.safetensors")
    change(project, "      data: augmented\n      epochs: 1", "      data: augmented\n      epochs: 0")
    run(project, "python", "-m", "stages.intermediate_distill", "weather-small")
    start = load_file(project / "models/intermediate/weather-small/model.safetensors")
    same = {name for name in start if torch.equal(start[name], trained[name])}
    assert same == {
        "bert.pooler.dense.weight",
        "bert.pooler.dense.bias",
        "classifier.weight",
        "classifier.bias",
    }


def test_the_lineage_of_a_student_reaches_back_to_the_sources(reproduced):
    lineage = json.loads((reproduced / "models/students/weather-small/lineage.json").read_text())
    assert lineage["stage"] == "prediction-distill@weather-small"
    intermediate = lineage["inputs"]["student"]["lineage"]
    general = intermediate["inputs"]["student"]["lineage"]
    assert general["stage"] == "general-distill@small"
    assert general["inputs"]["corpus"]["path"] == "data/sources/corpus"
    assert lineage["facts"]["examples"]["augmented"] > 168


def test_an_augmented_row_keeps_its_label(reproduced):
    original = pd.read_parquet(reproduced / "data/original/weather/train.parquet")
    augmented = pd.read_parquet(reproduced / "data/augmented/weather/train.parquet")
    pd.testing.assert_frame_equal(augmented.head(len(original)).drop(columns=ORIGINAL), original)
    assert not augmented.duplicated(["text"]).any()
    assert len(original) < len(augmented) <= 3 * len(original)
