"""Labels: known by name, never guessed."""

import numpy as np
import pandas as pd
import pytest

from tinybert.errors import UserError
from tinybert.params.rows import Label
from tinybert.text.labels import is_dropped, parse_classes, parse_numbers


def column(*values):
    return pd.Series(values, index=pd.RangeIndex(2, len(values) + 2, name="line"), name="rating", dtype=object)


def label(**keys):
    return Label.model_validate({"column": "rating"} | keys)


def test_names_give_the_order():
    classes, names = parse_classes(column("b", " a", "b "), label(names=["b", "a"]), "t.csv")
    assert names == ["b", "a"]
    assert classes.tolist() == [0, 1, 0]
    assert classes.dtype == np.int64


def test_names_from_the_data_are_sorted_and_keep_their_spaces():
    assert parse_classes(column("not ok", "fine", "fine"), label(), "t.csv")[1] == ["fine", "not ok"]
    assert parse_classes(column("10", "2", "n/a", "1"), label(), "t.csv")[1] == ["1", "2", "10", "n/a"]
    assert parse_classes(column("1", "01", "1.0"), label(), "t.csv")[1] == ["01", "1", "1.0"]


def test_only_above_the_threshold_is_the_second_class():
    names = ["negative", "positive"]
    classes, found = parse_classes(column("0.5", "0", "-1e-3", "1e-9"), label(threshold=0.0, names=names), "t.csv")
    assert classes.tolist() == [1, 0, 0, 1]
    assert found == names


def test_drop_compares_numbers_as_numbers_and_the_rest_as_text():
    values = column("0", "0.0", " -0 ", "1", "NA", "na", "0x")
    assert is_dropped(values, [0.0, "NA"]).tolist() == [True, True, True, False, True, False, False]
    assert is_dropped(values, ["1.0"]).tolist() == [False, False, False, True, False, False, False]
    assert is_dropped(column("nan", "x"), [0.0]).tolist() == [False, False]
    assert is_dropped(column("", "x"), [""]).tolist() == [True, False]


@pytest.mark.parametrize("value", ["nan", "NaN", "inf", "-inf", "", "3,5", "good"])
def test_a_rating_is_a_finite_number(value):
    with pytest.raises(
        UserError, match=f"t.csv: line 3: column 'rating': expected a number, found '{value}'.*label.drop"
    ):
        parse_numbers(column("1", value), "t.csv")
    with pytest.raises(UserError, match="line 3"):
        parse_classes(column("1", value), label(threshold=0.0, names=["a", "b"]), "t.csv")


def test_an_unknown_label_names_line_value_and_known_names():
    with pytest.raises(
        UserError, match=r"line 3.*unknown label 'positiv' \(did you mean 'positive'\? known: neg.*label.drop"
    ):
        parse_classes(column("positive", "positiv"), label(names=["negative", "positive"]), "t.csv")
    with pytest.raises(UserError, match="line 2: column 'rating': the label is empty"):
        parse_classes(column(" ", "a"), label(), "t.csv")
