"""Labels: known by name, never guessed."""

import numpy as np
import pandas as pd
import pytest

from tinybert.errors import UserError
from tinybert.params.rows import Label
from tinybert.tasks.labels import class_names, is_dropped, label_names, parse_classes, parse_multilabel, parse_numbers

SIGNS = {"threshold": 0.0, "names": ["negative", "positive"]}
OF_HUB = {"names": ["entailment", "neutral"], "values": [0, 1]}


def column(*values):
    return pd.Series(values, index=pd.RangeIndex(2, len(values) + 2, name="line"), name="rating", dtype=object)


def label(**keys):
    return Label.model_validate(keys if "columns" in keys else {"column": "rating"} | keys)


def classes(*values, **keys):
    """The class of each value, and the classes' names."""
    names = class_names(values, label(**keys))
    return parse_classes(column(*values), label(**keys), "t.csv", names).tolist(), names


def several(*cells, **keys):
    """The labels of each cell, or of a cell in each of `columns`, and their names."""
    table = pd.DataFrame(dict(zip(keys.get("columns", ["rating"]), cells, strict=True)), dtype=object)
    table.index = pd.RangeIndex(2, len(table) + 2, name="line")
    names = label_names(table, label(**keys), "t.csv")
    return parse_multilabel(table, label(**keys), "t.csv", names).tolist(), names


@pytest.mark.parametrize(
    ("values", "keys", "indices", "names"),
    [
        (["b", " a", "b "], {"names": ["b", "a"]}, [0, 1, 0], ["b", "a"]),
        (["not ok", "fine", "fine"], {}, [1, 0, 0], ["fine", "not ok"]),
        (["10", "2", "n/a", "1"], {}, [2, 1, 3, 0], ["1", "2", "10", "n/a"]),
        (["1.0", "1", "2.0", "01", "1e0", "1_0"], {}, [1, 1, 2, 0, 1, 3], ["01", "1", "2.0", "1_0"]),
        (["True", "FALSE", "true", "false"], {}, [1, 0, 1, 0], ["FALSE", "True"]),
        (["TRUE", "False"], {"names": ["true", "false"]}, [0, 1], ["true", "false"]),
        (["Good", "good"], {}, [0, 1], ["Good", "good"]),  # two words, which is said (see `kept`)
        (["0.5", "0", "-1e-3", "1e-9"], SIGNS, [1, 0, 0, 1], SIGNS["names"]),
        (["1", "0", "0.0", " 1"], OF_HUB, [1, 0, 0, 1], OF_HUB["names"]),
        (["no", "yes"], {"names": ["a", "b"], "values": ["yes", "no"]}, [1, 0], ["a", "b"]),
    ],
)
def test_classes(values, keys, indices, names):
    assert classes(*values, **keys) == (indices, names)


@pytest.mark.parametrize(
    ("values", "drop", "expected"),
    [
        (["0", "0.0", " -0 ", "1", "NA", "na", "0x", "nan"], [0.0, "NA"], ["0", "0.0", " -0 ", "NA"]),
        (["0", "1"], ["1.0"], ["1"]),
        (["1_0", "10", "010", "10.0"], ["10"], ["10", "10.0"]),
        (["True", "yes"], ["true"], ["True"]),
        (["", "x"], [""], [""]),
    ],
)
def test_drop_compares_numbers_as_numbers_and_the_rest_as_text(values, drop, expected):
    assert np.array(values)[is_dropped(column(*values), drop)].tolist() == expected


@pytest.mark.parametrize("value", ["nan", "NaN", "inf", "-inf", "", "3,5", "1_0", "good"])
def test_a_rating_is_a_finite_number(value):
    message = f"t.csv: line 3: column 'rating': expected a number, found '{value}'.*label.drop"
    with pytest.raises(UserError, match=message):
        parse_numbers(column("1", value), "t.csv")
    with pytest.raises(UserError, match=message):
        classes("1", value, **SIGNS)


@pytest.mark.parametrize(
    ("values", "keys", "message"),
    [
        (
            ["positive", "positiv"],
            {"names": ["negative", "positive"]},
            r"t.csv: line 3.*unknown label 'positiv' \(did you mean 'positive'\? known: neg.*label.drop",
        ),
        ([" ", "a"], {}, "line 2: column 'rating': the label is empty"),
        (["-1"], OF_HUB, r"line 2: .*unknown label '-1' .*known: 0, 1"),
        (["neutral"], OF_HUB, "unknown label 'neutral'"),
    ],
)
def test_an_unknown_label_names_line_value_and_known_names(values, keys, message):
    with pytest.raises(UserError, match=message):
        classes(*values, **keys)


@pytest.mark.parametrize(
    ("cells", "keys"),
    [
        (["b | a c", "", "b"], {"separator": "|"}),
        (["b;;a c", " ", "b;"], {"separator": ";"}),
        (['["b", "a c"]', "[]", '["b"]'], {}),
        (['["2", "1"]', "", '["2.0"]'], {"names": ["a c", "b"], "values": [1, 2]}),
    ],
)
def test_labels_of_one_column(cells, keys):
    assert several(cells, **keys) == ([[1, 1], [0, 0], [0, 1]], ["a c", "b"])


def test_labels_of_a_column_each():
    cells, columns = (["0", "1.0", "true"], ["1", "0", "False"]), ["toxic", "insult"]
    assert several(*cells, columns=columns) == ([[0, 1], [1, 0], [1, 0]], columns)
    assert several(*cells, columns=columns, names=["Toxic", "An insult"])[1] == ["Toxic", "An insult"]


@pytest.mark.parametrize("value", ["2", "", "nan", "yes", "0.5"])
def test_a_flag_is_0_or_1(value):
    with pytest.raises(UserError, match=f"t.csv: line 3: column 'toxic': expected 0 or 1, found '{value}'"):
        several(["0", value], ["0", "1"], columns=["toxic", "insult"])


@pytest.mark.parametrize(
    "cells", [["[0, 0, 1]", "[1, 1, 0]"], ['["0", "0", "1.0"]', "[true, true, false]"], ["0 0 1", "1 1 0"]]
)
def test_a_list_with_0_or_1_for_each_label(cells):
    keys = {} if cells[0].startswith("[") else {"separator": " "}
    with pytest.raises(UserError, match=r"column 'rating': every list has 3 numbers, each 0 or 1; name in label.n"):
        several(cells, **keys)
    assert several(cells, names=["a", "b", "c"], **keys)[0] == [[0, 0, 1], [1, 1, 0]]
    with pytest.raises(UserError, match=r"line 2: .* found 3 numbers, each 0 or 1, and 2 label.names; give a name"):
        several(cells, names=["a", "b"], **keys)
    with pytest.raises(UserError, match=r"line 4: .* found 0 numbers, .* or mend the list"):
        several([*cells, ""], names=["a", "b", "c"], **keys)


def test_0_and_1_that_are_names():
    assert several(["[0, 1]", "[1]", "[]"])[1] == ["0", "1"]
    assert several(["[0]", "[1]"])[0] == [[1, 0], [0, 1]]
    assert several(["[0, 1]", "[1, 0]"], names=["0", "1", "2"])[0] == [[1, 1, 0], [1, 1, 0]]


def test_several_labels_that_are_unknown_or_no_list():
    with pytest.raises(UserError, match=r"line 3: column 'rating': unknown label 'c' \(known: a, b\)"):
        several(["a", "c|a"], separator="|", names=["a", "b"])
    for cell in ("a, b", '{"a": 1}', "[[1]]", "[null]", "7"):
        with pytest.raises(UserError, match=r"line 2: .*expected a list of labels, as in .* set label.separator"):
            several([cell])
