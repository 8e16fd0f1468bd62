"""Labels: known by name, never guessed."""

import numpy as np
import pandas as pd
import pytest

from tinybert.errors import UserError
from tinybert.params.rows import Label
from tinybert.tasks.labels import (
    class_names,
    is_dropped,
    label_names,
    parse_classes,
    parse_multilabel,
    parse_numbers,
)


def column(*values):
    return pd.Series(values, index=pd.RangeIndex(2, len(values) + 2, name="line"), name="rating", dtype=object)


def label(**keys):
    return Label.model_validate({"column": "rating"} | keys)


def classes(*values, **keys):
    """The class of each value, and the classes' names."""
    names = class_names(values, label(**keys))
    return parse_classes(column(*values), label(**keys), "t.csv", names).tolist(), names


def several(*cells, **keys):
    """The labels of each cell, and their names."""
    table = column(*cells).to_frame()
    names = label_names(table, label(**keys), "t.csv")
    return parse_multilabel(table, label(**keys), "t.csv", names), names


def test_names_give_the_order():
    assert classes("b", " a", "b ", names=["b", "a"]) == ([0, 1, 0], ["b", "a"])


def test_names_from_the_data_are_sorted_and_keep_their_spaces():
    assert classes("not ok", "fine", "fine")[1] == ["fine", "not ok"]
    assert classes("10", "2", "n/a", "1")[1] == ["1", "2", "10", "n/a"]


def test_equal_values_are_one_class():
    assert classes("1.0", "1", "2.0", "01", "1e0", "1_0") == ([1, 1, 2, 0, 1, 3], ["01", "1", "2.0", "1_0"])
    assert classes("True", "FALSE", "true", "false") == ([1, 0, 1, 0], ["FALSE", "True"])
    assert classes("TRUE", "False", names=["true", "false"])[0] == [0, 1]
    assert classes("Good", "good")[1] == ["Good", "good"]  # two words, which is said (see `kept`)


def test_only_above_the_threshold_is_the_second_class():
    names = ["negative", "positive"]
    assert classes("0.5", "0", "-1e-3", "1e-9", threshold=0.0, names=names) == ([1, 0, 0, 1], names)


def test_drop_compares_numbers_as_numbers_and_the_rest_as_text():
    values = column("0", "0.0", " -0 ", "1", "NA", "na", "0x")
    assert is_dropped(values, [0.0, "NA"]).tolist() == [True, True, True, False, True, False, False]
    assert is_dropped(values, ["1.0"]).tolist() == [False, False, False, True, False, False, False]
    assert is_dropped(column("nan", "x"), [0.0]).tolist() == [False, False]
    assert is_dropped(column("1_0", "10", "010", "10.0"), ["10"]).tolist() == [False, True, False, True]
    assert is_dropped(column("True", "yes"), ["true"]).tolist() == [True, False]
    assert is_dropped(column("", "x"), [""]).tolist() == [True, False]


@pytest.mark.parametrize("value", ["nan", "NaN", "inf", "-inf", "", "3,5", "1_0", "good"])
def test_a_rating_is_a_finite_number(value):
    with pytest.raises(
        UserError, match=f"t.csv: line 3: column 'rating': expected a number, found '{value}'.*label.drop"
    ):
        parse_numbers(column("1", value), "t.csv")
    with pytest.raises(UserError, match="line 3"):
        classes("1", value, threshold=0.0, names=["a", "b"])


def test_an_unknown_label_names_line_value_and_known_names():
    with pytest.raises(
        UserError, match=r"line 3.*unknown label 'positiv' \(did you mean 'positive'\? known: neg.*label.drop"
    ):
        classes("positive", "positiv", names=["negative", "positive"])
    with pytest.raises(UserError, match="line 2: column 'rating': the label is empty"):
        classes(" ", "a")


def test_values_are_how_the_data_writes_the_names():
    of_hub = {"names": ["entailment", "neutral"], "values": [0, 1]}
    assert classes("1", "0", "0.0", " 1", **of_hub)[0] == [1, 0, 0, 1]
    assert classes("no", "yes", names=["a", "b"], values=["yes", "no"])[0] == [1, 0]
    with pytest.raises(UserError, match=r"line 2: .*unknown label '-1' .*known: 0, 1"):
        classes("-1", **of_hub)
    with pytest.raises(UserError, match="unknown label 'neutral'"):
        classes("neutral", **of_hub)


class TestMultilabel:
    @pytest.mark.parametrize(
        ("cells", "keys"),
        [
            (["b | a c", "", "b"], {"separator": "|"}),
            (["b;;a c", " ", "b;"], {"separator": ";"}),
            (['["b", "a c"]', "[]", '["b"]'], {}),
            (['["2", "1"]', "", '["2.0"]'], {"names": ["a c", "b"], "values": [1, 2]}),
        ],
    )
    def test_labels_of_one_column(self, cells, keys):
        labels, names = several(*cells, **keys)
        assert names == ["a c", "b"]
        assert labels.tolist() == [[1, 1], [0, 0], [0, 1]]
        assert labels.dtype == np.int8

    def test_labels_of_a_column_each(self):
        table = pd.DataFrame({"toxic": ["0", "1.0", "true"], "insult": ["1", "0", "False"]}, index=[2, 3, 4])
        table.index.name = "line"
        of_columns = Label.model_validate({"columns": ["toxic", "insult"]})
        assert parse_multilabel(table, of_columns, "t.csv", ["t", "i"]).tolist() == [[0, 1], [1, 0], [1, 0]]
        assert label_names(table, of_columns, "t.csv") == ["toxic", "insult"]
        renamed = Label.model_validate({"columns": ["toxic", "insult"], "names": ["Toxic", "An insult"]})
        assert label_names(table, renamed, "t.csv") == ["Toxic", "An insult"]

    @pytest.mark.parametrize(
        "cells", [["[0, 0, 1]", "[1, 1, 0]"], ['["0", "0", "1.0"]', "[true, true, false]"], ["0 0 1", "1 1 0"]]
    )
    def test_a_list_with_0_or_1_for_each_label(self, cells):
        keys = {} if cells[0].startswith("[") else {"separator": " "}
        with pytest.raises(UserError, match=r"column 'rating': every list has 3 numbers, each 0 or 1; name in label.n"):
            several(*cells, **keys)
        assert several(*cells, names=["a", "b", "c"], **keys)[0].tolist() == [[0, 0, 1], [1, 1, 0]]
        with pytest.raises(UserError, match=r"line 2: .* found 3 numbers, each 0 or 1, and 2 label.names; give a name"):
            several(*cells, names=["a", "b"], **keys)
        with pytest.raises(UserError, match=r"line 4: .* found 0 numbers, .* or mend the list"):
            several(*cells, "", names=["a", "b", "c"], **keys)

    def test_0_and_1_that_are_names(self):
        assert several("[0, 1]", "[1]", "[]")[1] == ["0", "1"]
        assert several("[0]", "[1]")[0].tolist() == [[1, 0], [0, 1]]
        assert several("[0, 1]", "[1, 0]", names=["0", "1", "2"])[0].tolist() == [[1, 1, 0], [1, 1, 0]]

    @pytest.mark.parametrize("value", ["2", "", "nan", "yes", "0.5"])
    def test_a_flag_is_0_or_1(self, value):
        table = pd.DataFrame({"toxic": ["0", value], "insult": ["0", "1"]}, index=pd.Index([2, 3], name="line"))
        with pytest.raises(UserError, match=f"t.csv: line 3: column 'toxic': expected 0 or 1, found '{value}'"):
            parse_multilabel(table, Label.model_validate({"columns": ["toxic", "insult"]}), "t.csv", ["t", "i"])

    def test_mistakes_name_the_line(self):
        with pytest.raises(UserError, match=r"line 3: column 'rating': unknown label 'c' \(known: a, b\)"):
            several("a", "c|a", separator="|", names=["a", "b"])
        for cell in ("a, b", '{"a": 1}', "[[1]]", "[null]", "7", "[" * 100_000):
            with pytest.raises(UserError, match=r"line 2: .*expected a list of labels, as in .* set label.separator"):
                several(cell)
