"""GLUE's nine tasks, from its own files and from the hub's: the same rows, the official test set where labels are."""

import pytest

from tests.tasks.glue import ROWS, TASKS, UNLABELLED, entry, write_hub, write_official
from tests.tasks.test_prepare import prepared
from tinybert.params.glue import GLUE


@pytest.fixture
def run(tmp_path):
    def run(task, hub):
        (tmp_path / "source").mkdir()
        (write_hub if hub else write_official)(task, tmp_path / "source")
        return prepared(tmp_path, entry(task, hub))

    return run


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("hub", [False, True], ids=["files", "hub"])
def test_the_development_set_is_the_test_split_and_validation_is_cut_from_training(run, task, hub):
    summary, splits = run(task, hub)
    settings = entry(task, hub)
    broken = 1 if task == "qqp" and not hub else 0
    assert summary["rows"] == {"train": ROWS - 6 - broken, "validation": 6, "test": ROWS - broken}
    assert summary["names"] == settings["label"].get("names")
    assert summary["pair"] == (task not in ("cola", "sst2"))
    files = {"test": settings["split"]["test"], "train": settings["split"]["train"]}
    for split, file in {**files, "validation": files["train"]}.items():
        rows = splits[split]
        numbers = rows["text"].str.extract(r" (\d+) of ")[0].astype(int)
        assert rows["text"].str.contains(file, regex=False).all()
        assert rows["text"].iloc[0].startswith('"The ')  # a quote is a character of the text
        assert rows["text"].iloc[0].endswith('he said ""no')
        if summary["names"]:
            assert (numbers % len(summary["names"]) == rows["label"]).all()
        else:
            assert rows["label"].tolist() == pytest.approx((numbers % 6 / 1.2).tolist(), abs=1e-3)
    for name, part in summary["unlabelled"].items():  # as many rows as the server wants, and its labels
        assert len(splits[name]) == part["rows"] == UNLABELLED
        assert "label" not in splits[name]
        assert part["labels"] == (GLUE[name] and list(GLUE[name]))


def test_mismatched_is_a_test_set_of_its_own(run):
    summary, splits = run("mnli", hub=False)
    assert summary["also_test"] == {"mismatched": ROWS}
    assert splits["test_mismatched"]["text"].str.contains("dev_mismatched.tsv", regex=False).all()
    assert set(summary["unlabelled"]) == {"MNLI-m", "MNLI-mm", "AX"}


def test_lines_of_qqp_that_are_broken_are_counted(run):
    assert run("qqp", hub=False)[0]["dropped"] == {"label": 0, "empty": 0, "duplicates": 0, "broken": 4}
