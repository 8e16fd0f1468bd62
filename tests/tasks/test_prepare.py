"""A source becomes a task: three files that the rest of the pipeline can trust."""

import json
import math
import random

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
    "export": {},
}
NAMED = {"column": "label", "names": ["bad", "good"]}
TAGS = {"type": "multilabel", "metric": "f1_micro", "label": {"column": "label", "separator": "|"}}
TAGGED = [f"review {n},{['', 'new', 'old', 'new|old'][n % 4]}" for n in range(80)]


def prepared(folder, entry, prepare=prepare):
    """What becomes of `folder/source`: the summary, and all Parquet files by name."""
    made = folder / "task"
    made.mkdir(exist_ok=True)
    summary = prepare(folder / "source", Task.model_validate(ENTRY | entry), made)
    splits = {file.stem: pd.read_parquet(file) for file in sorted(made.rglob("*.parquet"))}
    assert json.loads((made / "task.json").read_text()) == summary
    assert {name: len(splits[name]) for name in ("train", "validation", "test")} == summary["rows"]
    return summary, splits


@pytest.fixture
def run(tmp_path):
    """Prepare the given CSV, or files by name."""
    (tmp_path / "source").mkdir()

    def run(files, **changes):
        for name, content in (files if isinstance(files, dict) else {"reviews.csv": files}).items():
            (tmp_path / "source" / name).write_text(content)
        return prepared(tmp_path, changes)

    return run


def reviews(count, labels=("bad", "good"), first=0):
    return [f"review {number},{labels[number % len(labels)]}" for number in range(first, first + count)]


def csv(lines, header="text,label"):
    return "\n".join([header, *lines]) + "\n"


def pairs(splits, *columns):
    return {tuple(row) for split in splits for row in split[list(columns)].to_numpy()}


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


def test_regression(run):
    lines = [f"review {n},{n / 10}" for n in range(100)]
    summary, splits = run(csv(lines), type="regression", metric="pearson")
    assert (summary["names"], summary["classes"]) == (None, None)
    assert str(splits["train"]["label"].dtype) == "float64"
    assert all(float(text.split()[1]) / 10 == label for text, label in splits["test"].to_numpy())


def test_sign_of_a_rating_and_how_certain_it_is(run):
    rating = {"column": "label", "threshold": 50, "drop": [50.0], "names": ["negative", "positive"], "softness": 10}
    summary, splits = run(csv([f"review {n},{n}.0" for n in range(101)]), label=rating)
    assert summary["dropped"]["label"] == 1
    assert sum(summary["rows"].values()) == 100
    assert list(splits["train"].columns) == ["text", "label", "probability"]
    for text, label, probability in splits["train"].to_numpy():
        number = int(text.split()[1])
        assert label == (number > 50)
        assert probability == pytest.approx(1 / (1 + math.exp((50 - number) / 10)))
    assert list(splits["validation"].columns) == list(splits["test"].columns) == ["text", "label"]


def test_labels_of_a_row_are_a_list(run):
    summary, splits = run(csv(TAGGED), **TAGS)
    assert summary["names"] == ["new", "old"]
    assert summary["rows"] == {"train": 56, "validation": 8, "test": 16}
    assert summary["classes"]["test"] == pytest.approx([8, 8], abs=2)
    for split in splits.values():
        for text, label in split.to_numpy():
            assert label.dtype == "int8"
            assert label.tolist() == [int(text.split()[1]) & 1, int(text.split()[1]) >> 1 & 1]
    lines = [f"review {n},{n & 1},{n >> 1 & 1 if n else -1}" for n in range(80)]
    label = {"columns": ["new", "old"], "drop": [-1]}
    summary, splits = run(csv(lines, "text,new,old"), **TAGS | {"label": label})
    assert summary["dropped"]["label"] == 1
    assert sum(splits["train"]["label"]).tolist() == summary["classes"]["train"]


def test_texts_lose_their_margins_and_line_breaks_and_nothing_else(run):
    odd = '"  two\r\n\tlines  here\u2028NA ",bad'
    _, splits = run(csv([*reviews(60), odd, "null,good", "NA,bad", "naïve – “quoted” 电影,good"]))
    assert {("two lines  here NA",), ("null",), ("NA",), ("naïve – “quoted” 电影",)} < pairs(splits.values(), "text")


def test_the_split_says_how_its_files_are_read(run):
    rows = pd.DataFrame({"text": [f'{n}; a "quote"\tand a tab' for n in range(60)], "label": ["bad", "good"] * 30})
    files = {"all.txt": rows.to_csv(sep=";", index=False), "new.txt": rows[["text"]].to_csv(sep=";", index=False)}
    split = {"train": "all.txt", "test": 0.2, "validation": 0.1, "unlabelled": {"new": "new.txt"}}
    summary, splits = run(files, split=split | {"separator": ";", "quotes": True})
    assert sum(summary["rows"].values()) == 60
    assert splits["new"]["text"].tolist() == [f'{n}; a "quote" and a tab' for n in range(60)]
    assert set(splits["test"]["text"]) < set(splits["new"]["text"])


def test_empty_texts_are_left_out_and_counted(run):
    summary, _ = run(csv([*reviews(60), ",bad", '" \n\t",good', ",no such label"]), label=NAMED)
    assert summary["dropped"]["empty"] == 3
    assert sum(summary["rows"].values()) == 60
    summary, _ = run(csv([*(f"a {n},b,{n % 2}" for n in range(60)), "a,,1"], "a,b,label"), text=["a", "b"])
    assert summary["dropped"]["empty"] == 1


def test_no_text_of_test_elsewhere_and_test_keeps_its_size(run):
    repeated = [line.replace("review", "REVIEW  ") for line in reviews(60)]
    summary, splits = run(csv([*reviews(100), *repeated]))
    assert summary["rows"]["test"] == 32
    assert summary["dropped"]["duplicates"] == 160 - sum(summary["rows"].values()) > 0
    texts = {name: {" ".join(text.lower().split()) for text in split["text"]} for name, split in splits.items()}
    assert not texts["test"] & (texts["train"] | texts["validation"])
    assert not texts["validation"] & texts["train"]


def test_pairs_and_what_is_odd_about_them_or_a_name_is_said(run):
    lines = [f"{one} {n},{two} {n},{n % 2}" for one, two in ("ab", "ba") for n in range(40)]
    summary, splits = run(csv(lines, "a,b,label"), text=["a", "b"])
    assert summary["pair"] is True
    assert list(splits["test"].columns) == ["text", "text_pair", "label"]
    assert all(a.split()[1] == b.split()[1] for a, b in pairs(splits.values(), "text", "text_pair"))
    held_out = pairs([splits["validation"], splits["test"]], "text_pair", "text")
    assert summary["mirrored"] >= len(pairs([splits["train"]], "text", "text_pair") & held_out) > 0
    assert f"kept: {summary['mirrored']} pairs that a later split has the other way round" in describe(summary)
    summary, _ = run(csv(reviews(99, labels=("Good", "good", "bad"))))
    assert "kept: classes whose names differ in case only: 'Good', 'good'" in describe(summary)


def test_a_validation_split_on_which_nothing_can_be_seen(run):
    files = {"train": reviews(60), "test": reviews(9, first=200), "dev": reviews(9, ("bad",), 100)}
    split = {"train": "train.csv", "validation": "dev.csv", "test": "test.csv"}
    shown = describe(run({f"{name}.csv": csv(lines) for name, lines in files.items()}, split=split)[0])
    assert "kept: 1 of 2 classes without a row in validation: 'good'" in shown
    assert "kept: a validation split with one label only, on which no score can be above chance" in shown


def test_a_rare_class_is_in_every_split(run):
    summary, _ = run(csv([*reviews(996, labels=("bad",)), *reviews(4, labels=("good",), first=1000)]))
    assert min(min(counts) for counts in summary["classes"].values()) == 1
    assert "kept" not in describe(summary)


@pytest.mark.parametrize(
    ("lines", "changes"),
    [([*reviews(100), "review 3,bad", "Review 6,good"], {}), ([*TAGGED, "review 3,new", "Review 6,old"], TAGS)],
)
def test_the_same_bytes_again_and_contradictions_stay_and_are_counted(run, tmp_path, lines, changes):
    found = []
    for _ in range(2):
        summary, _ = run(csv(lines), **changes)
        found.append({file.name: file.read_bytes() for file in (tmp_path / "task").iterdir()})
    assert found[0] == found[1]
    assert sorted(found[0]) == ["labels.json", "task.json", "test.parquet", "train.parquet", "validation.parquet"]
    assert summary["conflicting"] == (1 if changes else 2)


def test_splits_from_files(run, tmp_path):
    files = {"train-1.csv": [*reviews(30), ",bad"], "train-2.csv": reviews(30, first=30)}
    files |= {"valid.csv": [*reviews(10, first=100), "REVIEW 200,bad"]}
    files |= {"test.csv": [*reviews(10, first=200), "Review 5,bad"]}
    split = {"train": "train-*.csv", "validation": "valid.csv", "test": "test.csv"}
    summary, splits = run({name: csv(lines) for name, lines in files.items()}, split=split)
    assert summary["rows"] == {"train": 59, "validation": 10, "test": 11}
    assert summary["dropped"] == {"label": 0, "empty": 1, "duplicates": 2}
    assert summary["repeated"] == {"train": {"validation": 0, "test": 1}, "validation": {"test": 1}}
    assert "2 repeated in a later split (1 of train in test, 1 of validation in test)" in describe(summary)
    assert splits["test"]["text"].tolist()[-1] == "Review 5"
    with pytest.raises(UserError, match=r"train-1.csv: class 'ugly' has 0 rows to train on; .*label.drop"):
        run({"test.csv": csv([*reviews(10, first=200), "a,ugly"])}, split=split)
    (tmp_path / "source/test.csv").unlink()
    with pytest.raises(UserError, match=r"there is no file 'test.csv' \(.*known: train-1.csv"):
        run({}, split=split)


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
        (reviews(50), {"type": "regression", "metric": "pearson"}, "line 2: .*expected a number, found 'bad'"),
        ([*reviews(50), "x,goood"], {"label": NAMED}, r"line 52: .*unknown label 'goood' \(did you mean 'good'"),
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
    assert str(caught.value).count("reviews.csv") == 1
    assert not list((tmp_path / "task").iterdir())


def test_the_summary_for_people(run):
    shown = describe(run(csv([*reviews(100), ",bad"]))[0])
    assert "rows" in shown
    assert "good       50.0%       50.0%       50.0%" in shown
    assert "1 without text" in shown
    many = random.Random(0).sample(range(1000), 40)
    shown = describe(run(csv([f"review {n} {copy},class {n}" for n in many for copy in range(12)]))[0])
    assert "and 30 more classes" in shown
    assert len(shown.splitlines()) < 16
