"""Labels: known by name, never guessed."""

import numpy as np
import pandas as pd
import pytest

from tinybert.errors import UserError
from tinybert.params.rows import Label
from tinybert.tasks.labels import is_dropped, parse_classes, parse_multilabel, parse_numbers


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


def test_values_are_how_the_data_writes_the_names():
    of_hub = label(names=["entailment", "neutral"], values=[0, 1])
    assert parse_classes(column("1", "0", "0.0", " 1"), of_hub, "t.csv")[0].tolist() == [1, 0, 0, 1]
    assert parse_classes(column("no", "yes"), label(names=["a", "b"], values=["yes", "no"]), "t")[0].tolist() == [1, 0]
    with pytest.raises(UserError, match=r"line 2: .*unknown label '-1' .*known: 0, 1"):
        parse_classes(column("-1"), of_hub, "t.csv")
    with pytest.raises(UserError, match="unknown label 'neutral'"):
        parse_classes(column("neutral"), of_hub, "t.csv")


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
        labels, names = parse_multilabel(column(*cells).to_frame(), label(**keys), "t.csv")
        assert names == ["a c", "b"]
        assert labels.tolist() == [[1, 1], [0, 0], [0, 1]]
        assert labels.dtype == np.int8

    def test_labels_of_a_column_each(self):
        table = pd.DataFrame({"toxic": ["0", "1.0", "true"], "insult": ["1", "0", "False"]}, index=[2, 3, 4])
        table.index.name = "line"
        of_columns = Label.model_validate({"columns": ["toxic", "insult"]})
        labels, names = parse_multilabel(table, of_columns, "t.csv")
        assert names == ["toxic", "insult"]
        assert labels.tolist() == [[0, 1], [1, 0], [1, 0]]
        renamed = Label.model_validate({"columns": ["toxic", "insult"], "names": ["Toxic", "An insult"]})
        assert parse_multilabel(table, renamed, "t.csv")[1] == ["Toxic", "An insult"]

    @pytest.mark.parametrize("value", ["2", "", "nan", "yes", "0.5"])
    def test_a_flag_is_0_or_1(self, value):
        table = pd.DataFrame({"toxic": ["0", value], "insult": ["0", "1"]}, index=pd.Index([2, 3], name="line"))
        with pytest.raises(UserError, match=f"t.csv: line 3: column 'toxic': expected 0 or 1, found '{value}'"):
            parse_multilabel(table, Label.model_validate({"columns": ["toxic", "insult"]}), "t.csv")

    def test_mistakes_name_the_line(self):
        with pytest.raises(UserError, match=r"line 3: column 'rating': unknown label 'c' \(known: a, b\)"):
            parse_multilabel(column("a", "c|a").to_frame(), label(separator="|", names=["a", "b"]), "t.csv")
        for cell in ("a, b", '{"a": 1}', "[[1]]", "[null]", "7", "[" * 100_000):
            with pytest.raises(UserError, match=r"line 2: .*expected a list of labels, as in .* set label.separator"):
                parse_multilabel(column(cell).to_frame(), label(), "t.csv")
