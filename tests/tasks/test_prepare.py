"""A source becomes a task: three files that the rest of the pipeline can trust."""

import json
import math
import random

import numpy as np
import pandas as pd
import pytest

from tinybert.errors import UserError
from tinybert.params.tasks import Task
from tinybert.tables.summary import describe
from tinybert.tasks.prepare import prepare

OPTIMISER = {"learning_rate": 1e-4}
ENTRY = {
    "source": "reviews",
    "type": "classification",
    "columns": None,
    "text": ["text"],
    "label": {"column": "label"},
    "split": {"test": 0.2, "validation": 0.1, "seed": 0},
    "metric": "accuracy",
    "max_length": 64,
    "teacher": {"from": "m", "epochs": 1, **OPTIMISER},
    "mlm": {"from": "m", "corpus": "c", "steps": 0, **OPTIMISER},
    "augment": {"copies": 1, "vectors": "v"},
}


@pytest.fixture
def run(tmp_path):
    """Prepare the given CSV; returns the summary and the splits as lists of rows."""

    def run(content, **changes):
        source, folder = tmp_path / "source", tmp_path / "original" / "task"
        source.mkdir(exist_ok=True)
        folder.mkdir(parents=True, exist_ok=True)
        (source / "reviews.csv").write_bytes(content.encode())
        summary = prepare(source, Task.model_validate(ENTRY | changes), folder)
        splits = {name: pd.read_parquet(folder / f"{name}.parquet") for name in ("train", "validation", "test")}
        assert json.loads((folder / "task.json").read_text()) == summary
        assert {name: len(split) for name, split in splits.items()} == summary["rows"]
        return summary, splits

    return run


def reviews(count, labels=("bad", "good"), first=0):
    return [f"review {number},{labels[number % len(labels)]}" for number in range(first, first + count)]


def csv(lines, header="text,label"):
    return "\n".join([header, *lines]) + "\n"


def test_a_task_of_two_classes(run):
    summary, splits = run(csv(reviews(100)))
    assert summary == {
        "type": "classification",
        "names": ["bad", "good"],
        "pair": False,
        "rows": {"train": 70, "validation": 10, "test": 20},
        "classes": {"train": [35, 35], "validation": [5, 5], "test": [10, 10]},
        "dropped": {"label": 0, "empty": 0, "duplicates": 0},
        "repeated": {"train": {"validation": 0, "test": 0}, "validation": {"test": 0}},
        "conflicting": 0,
    }
    for split in splits.values():
        assert list(split.columns) == ["text", "label"]
        assert str(split["label"].dtype) == "int64"
        numbers = [int(text.split()[1]) for text in split["text"]]
        assert numbers == sorted(numbers)
        assert [number % 2 for number in numbers] == split["label"].tolist()


def test_pairs(run):
    lines = [f"first {n},second {n},{n % 2}" for n in range(40)]
    summary, splits = run(csv(lines, "a,b,label"), text=["a", "b"])
    assert summary["pair"] is True
    assert list(splits["test"].columns) == ["text", "text_pair", "label"]
    assert all(a.split()[1] == b.split()[1] for a, b in splits["train"][["text", "text_pair"]].to_numpy())


def test_regression(run):
    lines = [f"review {n},{n / 10}" for n in range(100)]
    summary, splits = run(csv(lines), type="regression", metric="pearson")
    assert (summary["names"], summary["classes"]) == (None, None)
    assert str(splits["train"]["label"].dtype) == "float64"
    assert all(float(text.split()[1]) / 10 == label for text, label in splits["test"].to_numpy())


def test_sign_of_a_rating(run):
    rating = {"column": "label", "threshold": 0.0, "drop": [0.0], "names": ["negative", "positive"]}
    summary, splits = run(csv([f"review {n},{n - 50}.0" for n in range(101)]), label=rating)
    assert summary["dropped"]["label"] == 1
    assert sum(summary["rows"].values()) == 100
    assert all((int(text.split()[1]) > 50) == label for text, label in splits["train"].to_numpy())


def test_a_rating_near_the_threshold_is_learnt_as_uncertain(run):
    rating = {"column": "label", "threshold": 50, "names": ["negative", "positive"], "softness": 10}
    _, splits = run(csv([f"review {n},{n}" for n in range(101)]), label=rating)
    assert list(splits["train"].columns) == ["text", "label", "probability"]
    for text, label, probability in splits["train"].to_numpy():
        number = int(text.split()[1])
        assert label == (number > 50)
        assert probability == pytest.approx(1 / (1 + math.exp((50 - number) / 10)))
    assert list(splits["validation"].columns) == list(splits["test"].columns) == ["text", "label"]


def test_texts_lose_their_margins_and_line_breaks_and_nothing_else(run):
    odd = '"  two\r\n\tlines  here\u2028NA ",bad'
    _, splits = run(csv([*reviews(60), odd, "null,good", "NA,bad", "naïve – “quoted” 电影,good"]))
    texts = {text for split in splits.values() for text in split["text"]}
    assert {"two lines  here NA", "null", "NA", "naïve – “quoted” 电影"} < texts


def test_the_split_says_how_its_files_are_read(tmp_path):
    source, folder = tmp_path / "source", tmp_path / "task"
    source.mkdir()
    folder.mkdir()
    rows = pd.DataFrame({"text": [f'{n}; a "quote"\tand a tab' for n in range(60)], "label": ["bad", "good"] * 30})
    rows.to_csv(source / "all.txt", sep=";", index=False)
    rows[["text"]].to_csv(source / "new.txt", sep=";", index=False)
    split = {"train": "all.txt", "test": 0.2, "validation": 0.1, "unlabelled": {"new": "new.txt"}}
    split |= {"separator": ";", "quotes": True}
    summary = prepare(source, Task.model_validate(ENTRY | {"split": split}), folder)
    assert sum(summary["rows"].values()) == 60
    texts = pd.read_parquet(folder / "unlabelled/new.parquet")["text"].tolist()
    assert texts == [f'{n}; a "quote" and a tab' for n in range(60)]
    assert set(pd.read_parquet(folder / "test.parquet")["text"]) < set(texts)


def test_empty_texts_are_left_out_and_counted(run):
    summary, _ = run(csv([*reviews(60), ",bad", '" \n\t",good', ",no such label"]), label=LABEL_NAMES)
    assert summary["dropped"]["empty"] == 3
    assert sum(summary["rows"].values()) == 60
    summary, _ = run(csv([*(f"a {n},b,{n % 2}" for n in range(60)), "a,,1"], "a,b,label"), text=["a", "b"])
    assert summary["dropped"]["empty"] == 1


LABEL_NAMES = {"column": "label", "names": ["bad", "good"]}


def test_no_text_of_test_elsewhere_and_test_keeps_its_size(run):
    repeated = [line.replace("review", "REVIEW  ") for line in reviews(60)]
    summary, splits = run(csv([*reviews(100), *repeated]))
    assert summary["rows"]["test"] == 32
    assert summary["dropped"]["duplicates"] == 160 - sum(summary["rows"].values()) > 0
    texts = {name: {" ".join(text.lower().split()) for text in split["text"]} for name, split in splits.items()}
    assert not texts["test"] & (texts["train"] | texts["validation"])
    assert not texts["validation"] & texts["train"]


def test_contradictions_stay_and_are_counted(run):
    summary, _ = run(csv([*reviews(100), *reviews(7, labels=("good", "bad"))]))
    assert summary["conflicting"] == 7


def test_what_is_odd_about_a_pair_a_name_or_the_validation_rows_is_said(run):
    lines = [f"first {n},second {n},{n % 2}" for n in range(40)]
    mirrored = [f"second {n},first {n},{n % 2}" for n in range(40)]
    summary, splits = run(csv([*lines, *mirrored], "a,b,label"), text=["a", "b"])
    held_out = {
        tuple(pair) for name in ("validation", "test") for pair in splits[name][["text_pair", "text"]].to_numpy()
    }
    of_train = [tuple(pair) in held_out for pair in splits["train"][["text", "text_pair"]].to_numpy()]
    assert summary["mirrored"] >= sum(of_train) > 0
    assert f"kept: {summary['mirrored']} pairs that a later split has the other way round" in describe(summary)
    summary, _ = run(csv(reviews(99, labels=("Good", "good", "bad"))))
    assert "kept: classes whose names differ in case only: 'Good', 'good'" in describe(summary)


def test_a_validation_split_on_which_nothing_can_be_seen(tmp_path):
    source, folder = tmp_path / "source", tmp_path / "task"
    for path in (source, folder):
        path.mkdir()
    for name, lines in (("train", reviews(60)), ("test", reviews(9, first=200)), ("dev", reviews(9, ("bad",), 100))):
        (source / f"{name}.csv").write_text(csv(lines))
    split = {"train": "train.csv", "validation": "dev.csv", "test": "test.csv"}
    shown = describe(prepare(source, Task.model_validate(ENTRY | {"split": split}), folder))
    assert "kept: 1 of 2 classes without a row in validation: 'good'" in shown
    assert "kept: a validation split with one label only, on which no score can be above chance" in shown


def test_a_rare_class_is_in_every_split(run):
    summary, _ = run(csv([*reviews(996, labels=("bad",)), *reviews(4, labels=("good",), first=1000)]))
    assert min(min(counts) for counts in summary["classes"].values()) == 1
    assert "kept" not in describe(summary)


def test_the_same_bytes_again(run, tmp_path):
    folder, found = tmp_path / "original" / "task", []
    for _ in range(2):
        run(csv(reviews(100)))
        found.append({file.name: file.read_bytes() for file in folder.iterdir()})
    assert found[0] == found[1]
    assert sorted(found[0]) == ["labels.json", "task.json", "test.parquet", "train.parquet", "validation.parquet"]


TAGGED = [f"review {n},{['', 'new', 'old', 'new|old'][n % 4]}" for n in range(80)]
TAGS = {"type": "multilabel", "metric": "f1_micro", "label": {"column": "label", "separator": "|"}}


class TestMultilabel:
    def test_each_row_has_a_list(self, run):
        summary, splits = run(csv(TAGGED), **TAGS)
        assert summary["names"] == ["new", "old"]
        assert summary["rows"] == {"train": 56, "validation": 8, "test": 16}
        assert summary["classes"]["test"] == pytest.approx([8, 8], abs=2)
        for split in splits.values():
            for text, label in split.to_numpy():
                assert label.dtype == "int8"
                assert label.tolist() == [int(text.split()[1]) & 1, int(text.split()[1]) >> 1 & 1]
        assert "new" in describe(summary)

    def test_a_column_each(self, run):
        lines = [f"review {n},{n & 1},{n >> 1 & 1 if n else -1}" for n in range(80)]
        label = {"columns": ["new", "old"], "drop": [-1]}
        summary, splits = run(csv(lines, "text,new,old"), **TAGS | {"label": label})
        assert summary["dropped"]["label"] == 1
        assert np.stack(splits["train"]["label"].tolist()).sum(axis=0).tolist() == summary["classes"]["train"]

    def test_the_same_bytes_and_contradictions(self, run, tmp_path):
        found = []
        for _ in range(2):
            summary, _ = run(csv([*TAGGED, "Review 3,new", "review 6,old"]), **TAGS)
            found.append([file.read_bytes() for file in sorted((tmp_path / "original/task").iterdir())])
        assert found[0] == found[1]
        assert summary["conflicting"] == 1


def test_splits_from_files(tmp_path):
    source, folder = tmp_path / "source", tmp_path / "task"
    source.mkdir()
    folder.mkdir()
    (source / "train-1.csv").write_text(csv([*reviews(30), ",bad"]))
    (source / "train-2.csv").write_text(csv(reviews(30, first=30)))
    (source / "valid.csv").write_text(csv([*reviews(10, first=100), "REVIEW 200,bad"]))
    (source / "test.csv").write_text(csv([*reviews(10, first=200), "Review 5,bad"]))
    split = {"train": "train-*.csv", "validation": "valid.csv", "test": "test.csv"}
    summary = prepare(source, Task.model_validate(ENTRY | {"split": split}), folder)
    assert summary["rows"] == {"train": 59, "validation": 10, "test": 11}
    assert summary["dropped"] == {"label": 0, "empty": 1, "duplicates": 2}
    assert summary["repeated"] == {"train": {"validation": 0, "test": 1}, "validation": {"test": 1}}
    assert "2 repeated in a later split (1 of train in test, 1 of validation in test)" in describe(summary)
    assert pd.read_parquet(folder / "test.parquet")["text"].tolist()[-1] == "Review 5"
    (source / "test.csv").write_text(csv([*reviews(10, first=200), "a,ugly"]))
    with pytest.raises(UserError, match=r"train-1.csv: class 'ugly' has 0 rows to train on; .*label.drop"):
        prepare(source, Task.model_validate(ENTRY | {"split": split}), folder)
    (source / "test.csv").unlink()
    with pytest.raises(UserError, match=r"there is no file 'test.csv' \(.*known: train-1.csv"):
        prepare(source, Task.model_validate(ENTRY | {"split": split}), folder)


def test_hundreds_of_classes_with_spaces_in_their_names(run):
    lines = [f'"review {n}, copy {copy}",class {n}' for n in range(300) for copy in range(12)]
    summary, _ = run(csv(lines))
    assert len(summary["names"]) == 300
    assert summary["names"][:2] == ["class 0", "class 1"]
    assert all(min(counts) >= 1 for counts in summary["classes"].values())


def test_more_classes_than_a_split_has_rows_and_classes_of_one_row(run):
    lines = [f"review {n} copy {copy},class {n}" for n in range(150) for copy in range(10)]
    split = {"test": 0.2, "validation": 0.05, "seed": 0}
    summary, _ = run(csv([*lines, "x,rare", "y,rare", "z,very rare"]), split=split)
    assert summary["rows"] == {"train": 1127, "validation": 75, "test": 301}
    assert min(summary["classes"]["train"]) > 0
    assert summary["classes"]["train"][-2:] == [2, 1]
    assert "kept: 77 of 152 classes without a row in validation: 'class 0', " in describe(summary)
    assert "kept: 2 of 152 classes without a row in test: 'rare', 'very rare'" in describe(summary)
    tags = [f"{text},tag {n // 10}" for n, text in enumerate(line.split(",")[0] for line in lines)]
    summary, _ = run(csv([*tags, "x,rare"]), split=split, **TAGS)
    assert min(summary["classes"]["train"]) > 0


@pytest.mark.parametrize(
    ("lines", "changes", "message"),
    [
        (reviews(50, labels=("good",)), {}, "at least two classes, found 'good' only"),
        (
            [*reviews(50), "x,nan"],
            {"type": "regression", "metric": "pearson"},
            "line 2: .*expected a number, found 'bad'",
        ),
        ([*reviews(50), "x,goood"], {"label": LABEL_NAMES}, r"line 52: .*unknown label 'goood' \(did you mean 'good'"),
        (["x,rare", *reviews(50, labels=("good",))], {}, "class 'rare' has 1 rows, expected at least 3"),
        (reviews(4), {}, "class 'bad' has 2 rows"),
        (reviews(6), {}, "test split gets 1 of 6 rows"),
        ([",bad", ",good"], {}, "no row is left: label.drop takes 0, 2 have no text"),
        (reviews(50), {"label": {"column": "label", "drop": ["bad", "good"]}}, "no row is left: label.drop takes 50"),
        (["same,bad", "same,good"] * 30, {}, "nothing is left of the validation split"),
        ([*reviews(99, labels=("a", "b")), *["same,c"] * 50], {}, "no row of class 'c' is left in the training split"),
        (reviews(50), {"text": ["txt"]}, r"there is no column 'txt' \(did you mean 'text'\? known: label, text\)"),
        (reviews(50), {"label": {"column": "stars"}}, r"there is no column 'stars' \(known: label, text\)"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(run, tmp_path, lines, changes, message):
    with pytest.raises(UserError, match=message) as caught:
        run(csv(lines), **changes)
    assert "\n" not in str(caught.value)
    assert "reviews.csv" in str(caught.value)
    assert str(caught.value).count("reviews.csv") == 1
    assert not list((tmp_path / "original" / "task").iterdir())


def test_the_summary_for_people(run):
    shown = describe(run(csv([*reviews(100), ",bad"]))[0])
    assert "rows" in shown
    assert "good       50.0%       50.0%       50.0%" in shown
    assert "1 without text" in shown
    many = random.Random(0).sample(range(1000), 40)
    shown = describe(run(csv([f"review {n} {copy},class {n}" for n in many for copy in range(12)]))[0])
    assert "and 30 more classes" in shown
    assert len(shown.splitlines()) < 16
