"""Questions become a task: no context in two splits, and everything counted."""

import json

import pandas as pd
import pytest

from tests.text.test_tasks import ENTRY
from tinybert.errors import UserError
from tinybert.params.tasks import Task
from tinybert.text.tasks import describe, prepare

SPAN = {
    "type": "span",
    "text": ["question", "context"],
    "label": {"column": "answers", "stride": 16},
    "split": {"test": 0.2, "validation": 0.1},
    "metric": "exact_match",
}


def squad(contexts, each=3):
    paragraphs = [
        {
            "context": f"{context} is here",
            "qas": [
                {"id": f"{context} {n}", "question": f"what {n}?", "answers": [{"text": context, "answer_start": 0}]}
                for n in range(each)
            ],
        }
        for context in contexts
    ]
    return json.dumps({"data": [{"paragraphs": paragraphs}]})


@pytest.fixture
def run(tmp_path):
    """Prepare the given files; returns the summary and the splits."""

    def run(files, **changes):
        source, folder = tmp_path / "source", tmp_path / "task"
        source.mkdir(exist_ok=True)
        folder.mkdir(exist_ok=True)
        for name, content in files.items():
            (source / name).write_text(content)
        summary = prepare(source, Task.model_validate(ENTRY | SPAN | changes), folder)
        assert json.loads((folder / "task.json").read_text()) == summary
        return summary, {file.stem: pd.read_parquet(file) for file in sorted(folder.rglob("*.parquet"))}

    return run


def test_splits_are_drawn_by_context(run):
    summary, splits = run({"all.json": squad([f"place{n}" for n in range(50)])})
    assert summary["rows"] == {"train": 105, "validation": 15, "test": 30}
    contexts = {name: set(split["text_pair"]) for name, split in splits.items()}
    assert {name: len(found) for name, found in contexts.items()} == {"train": 35, "validation": 5, "test": 10}
    assert len(set.union(*contexts.values())) == 50
    assert list(splits["test"].columns) == ["text", "text_pair", "label", "id"]
    row = splits["test"].iloc[0]
    assert row["text"] == "what 0?"
    assert list(row["label"]) == [{"text": row["text_pair"].split()[0], "start": 0}]
    numbers = [int(name.split()[0].removeprefix("place")) for name in splits["train"]["id"]]
    assert numbers == sorted(numbers)
    again = run({"all.json": squad([f"place{n}" for n in range(50)])})[1]
    for name, split in splits.items():
        assert split["id"].tolist() == again[name]["id"].tolist()


def test_files_of_their_own_and_contexts_that_are_in_two(run):
    places = [f"place{n}" for n in range(20)]
    files = {"train.json": squad([*places, "Both  Sides"]), "dev.json": squad(["both sides", "other"])}
    files |= {"more.json": squad(["more"]), "unknown.json": squad(["new"], each=2)}
    split = {"train": "train.json", "test": "dev.json", "validation": 0.1}
    split |= {"also_test": {"more": "more.json"}, "unlabelled": {"mine": "unknown.json"}}
    summary, splits = run(files, split=split)
    assert summary["rows"]["test"] == 6
    assert summary["dropped"] == {"answer": 0, "empty": 0, "duplicates": 3}
    assert sum(summary["repeated"][split]["test"] for split in ("train", "validation")) == 3
    assert summary["rows"]["train"] + summary["rows"]["validation"] == 60
    assert summary["also_test"] == {"more": 3}
    assert summary["unlabelled"] == {"mine": {"rows": 2, "labels": None}}
    assert len(splits["test_more"]) == 3
    assert splits["mine"]["id"].tolist() == ["new 0", "new 1"]
    assert summary["span"] == {"stride": 16, "longest_answer": 30, "no_answer": False}
    text = describe(summary)
    assert "0 whose answer is not in the context, 0 without text, 3 repeated in a later split" in text
    assert "to predict for mine: 2 rows" in text


def test_too_few_contexts_to_split(run):
    with pytest.raises(UserError, match="the train split gets none of the 2 contexts"):
        run({"all.json": squad(["one", "two"])})
