"""GLUE's nine tasks, from its own files and from the hub's: the same rows, the official test set where labels are."""

import pandas as pd
import pytest

from tests.tasks.glue import ROWS, TASKS, UNLABELLED, entry, write_hub, write_official
from tinybert.params.glue import GLUE
from tinybert.params.tasks import Task
from tinybert.tasks.prepare import prepare


@pytest.fixture
def run(tmp_path):
    def run(task, hub):
        source, folder = tmp_path / "source", tmp_path / "original"
        for path in (source, folder):
            path.mkdir()
        (write_hub if hub else write_official)(task, source)
        return prepare(source, Task.model_validate(entry(task, hub)), folder), folder

    return run


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("hub", [False, True], ids=["files", "hub"])
def test_the_development_set_is_the_test_split_and_validation_is_cut_from_training(run, task, hub):
    summary, folder = run(task, hub)
    settings = entry(task, hub)
    broken = 1 if task == "qqp" and not hub else 0
    assert summary["rows"] == {"train": ROWS - 6 - broken, "validation": 6, "test": ROWS - broken}
    assert summary["names"] == settings["label"].get("names")
    assert summary["pair"] == (task not in ("cola", "sst2"))
    files = {"test": settings["split"]["test"], "train": settings["split"]["train"]}
    for split, file in {**files, "validation": files["train"]}.items():
        rows = pd.read_parquet(folder / f"{split}.parquet")
        numbers = rows["text"].str.extract(r" (\d+) of ")[0].astype(int)
        assert rows["text"].str.contains(file, regex=False).all()
        assert rows["text"].iloc[0].startswith('"The ')  # a quote is a character of the text
        assert rows["text"].iloc[0].endswith('he said ""no')
        if summary["names"]:
            assert (numbers % len(summary["names"]) == rows["label"]).all()
        else:
            assert rows["label"].tolist() == pytest.approx((numbers % 6 / 1.2).tolist(), abs=1e-3)
    for name, part in summary["unlabelled"].items():  # as many rows as the server wants, and its labels
        rows = pd.read_parquet(folder / f"unlabelled/{name}.parquet")
        assert len(rows) == part["rows"] == UNLABELLED
        assert "label" not in rows
        assert part["labels"] == (GLUE[name] and list(GLUE[name]))


def test_mismatched_is_a_test_set_of_its_own(run):
    summary, folder = run("mnli", hub=False)
    assert summary["also_test"] == {"mismatched": ROWS}
    texts = pd.read_parquet(folder / "test_mismatched.parquet")["text"]
    assert texts.str.contains("dev_mismatched.tsv", regex=False).all()
    assert set(summary["unlabelled"]) == {"MNLI-m", "MNLI-mm", "AX"}


def test_lines_of_qqp_that_are_broken_are_counted(run):
    assert run("qqp", hub=False)[0]["dropped"] == {"label": 0, "empty": 0, "duplicates": 0, "broken": 4}
