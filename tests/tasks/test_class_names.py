"""Class names that `datasets` wrote into Parquet files are the task's, by name and never by position alone."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import ClassLabel, Dataset, Features, List, Value

from tests.tasks.test_prepare import prepared
from tinybert.errors import UserError
from tinybert.tasks.class_names import read_class_names

MOODS = ["very sad", "glad", "calm"]


@pytest.fixture
def write(tmp_path):
    """A Parquet file as `datasets` writes it, its label among `names`."""
    (tmp_path / "source").mkdir()

    def write(labels, names=MOODS, name="data.parquet", first=0):
        kind = List(ClassLabel(names=names)) if isinstance(labels[0], list) else ClassLabel(names=names)
        columns = {"text": [f"text {first + row}" for row in range(len(labels))], "label": labels}
        made = Dataset.from_dict(columns, Features({"text": Value("string"), "label": kind}))
        made.to_parquet(tmp_path / "source" / name)

    return write


@pytest.fixture
def run(tmp_path):
    """Prepare the files; returns the summary and each text's label, by the text's number."""

    def run(**changes):
        summary, splits = prepared(tmp_path, changes)
        return summary, {int(text.split()[1]): label for text, label in pd.concat(splits.values()).to_numpy()}

    return run


def test_what_is_dropped_is_no_class(write, run):
    """By its name, or as it is written where it has none, as -1 of rows without a label."""
    write([row % 4 - 1 for row in range(80)])
    with pytest.raises(UserError, match=r"row 1: column 'label': unknown label '-1' \(known: .*label.drop"):
        run()
    summary, labels = run(label={"column": "label", "drop": [-1, "glad"]})
    assert summary["names"] == ["very sad", "calm"]
    assert summary["dropped"]["label"] == 40
    assert (labels[1], labels[3]) == (0, 1)


def test_lists_of_classes(write, run):
    write([[0], [2, 0], [], [1]] * 20)
    summary, labels = run(type="multilabel", metric="f1_micro")
    assert summary["names"] == MOODS
    assert [labels[row].tolist() for row in range(4)] == [[1, 0, 0], [1, 0, 1], [0, 0, 0], [0, 1, 0]]


def test_classes_have_their_names_and_the_users_are_compared_with_them(write, run):
    write([row % 3 for row in range(60)])
    summary, labels = run()
    assert summary["names"] == MOODS
    assert [labels[row] for row in range(6)] == [0, 1, 2, 0, 1, 2]
    summary, labels = run(label={"column": "label", "names": ["calm", "glad", "very sad"]})
    assert summary["names"] == ["calm", "glad", "very sad"]
    assert [labels[row] for row in range(3)] == [2, 1, 0]
    own = {"names": ["good", "bad", "none"], "values": [1, 0, 2]}
    assert [run(label={"column": "label", **own})[1][row] for row in range(3)] == [1, 0, 2]
    assert run(label={"column": "label", "names": ["0", "1", "2"]})[0]["names"] == ["0", "1", "2"]
    with pytest.raises(UserError, match=r"data.parquet: label.names: 'gladd' is no class of .*\(did you mean 'glad'"):
        run(label={"column": "label", "names": ["calm", "gladd", "very sad"]})


def test_files_have_to_agree(write, run, tmp_path):
    split = {"train": "train.parquet", "test": "test.parquet", "validation": 0.1}
    write([row % 3 for row in range(60)], name="train.parquet")
    write([0, 1, 2], name="test.parquet", first=60)
    assert run(split=split)[0]["names"] == MOODS
    write([0, 1, 2], ["very sad", "calm", "glad"], "test.parquet", first=60)
    with pytest.raises(
        UserError, match=r"test.parquet: its class 1 is called 'calm', that of .*train.parquet 'glad'; set"
    ):
        run(split=split)
    labels = run(split=split, label={"column": "label", "names": MOODS})[1]
    assert [labels[row] for row in (60, 61, 62)] == [0, 2, 1]
    pq.write_table(pa.table({"text": ["a"], "label": [1]}), tmp_path / "source/test.parquet")
    with pytest.raises(
        UserError, match=r"test.parquet: its class 0 is called None, that of .*train.parquet 'very sad'"
    ):
        run(split=split)


@pytest.mark.parametrize(
    ("metadata", "names"),
    [
        ({"label": {"names": ["a", "b"], "_type": "ClassLabel"}}, ["a", "b"]),
        ({"label": [{"names": ["a", "b"], "_type": "ClassLabel"}]}, ["a", "b"]),  # a list, as once written
        ({"label": {"feature": {"names": ["a"], "_type": "ClassLabel"}, "_type": "Sequence"}}, ["a"]),
        ({"label": {"dtype": "int64", "_type": "Value"}}, None),
        ({"label": "odd"}, None),
        ({}, None),
        ("odd", None),
    ],
)
def test_metadata_of_any_age(tmp_path, metadata, names):
    schema = pa.schema([("label", pa.int64())], {"huggingface": json.dumps({"info": {"features": metadata}})})
    file = tmp_path / "t.parquet"
    pq.write_table(pa.table([np.array([0])], schema=schema), file)
    assert read_class_names(file, "label") == names
