"""Splits: whole, stratified, reproducible."""

import numpy as np
import pytest

from tinybert.errors import UserError
from tinybert.params.rows import Split
from tinybert.tables.splits import class_strata, draw, draw_splits, label_strata, rating_strata, spread

FIFTH = Split(test=0.2, validation=0.1)


def test_fractions_are_of_all_rows_and_classes_get_their_share():
    classes = np.array([0] * 700 + [1] * 300)
    splits = draw_splits(class_strata(classes, ["a", "b"], FIFTH), FIFTH)
    assert {name: len(rows) for name, rows in splits.items()} == {"train": 700, "validation": 100, "test": 200}
    assert [int(classes[rows].sum()) for rows in splits.values()] == [210, 30, 60]
    assert sorted(np.concatenate(list(splits.values()))) == list(range(1000))
    assert all((np.diff(rows) > 0).all() for rows in splits.values())


def test_the_draw_stays_what_it_is():
    """A change here moves rows between training and test of every published number."""
    assert draw_splits(np.arange(30) % 2, FIFTH)["test"].tolist() == [0, 3, 10, 13, 15, 24]
    other = Split(test=0.2, validation=0.1, seed=1)
    assert draw_splits(np.arange(30) % 2, other)["test"].tolist() != [0, 3, 10, 13, 15, 24]


def test_ratings_spread_evenly_over_the_splits():
    ratings = np.random.default_rng(0).exponential(size=500)
    splits = draw_splits(rating_strata(ratings, FIFTH), FIFTH)
    tail = np.quantile(ratings, 0.9)
    assert [int((ratings[rows] > tail).sum()) for rows in splits.values()] == [35, 5, 10]
    tied = np.array([1.0] * 490 + [2.0] * 10)
    assert len(draw_splits(rating_strata(tied, FIFTH), FIFTH)["test"]) == 100
    assert len(draw_splits(rating_strata(np.arange(8.0), FIFTH), FIFTH)["validation"]) == 1


@pytest.mark.parametrize(
    ("labels", "names", "split", "message"),
    [
        ([1] * 50, "abc", FIFTH, "expected at least two classes, found 'b' only"),
        (
            [0] * 50 + [1] * 2 + [2] * 2,
            "abc",
            FIFTH,
            "class 'b' has 2 rows, expected at least 3, .* two classes or more",
        ),
        ([0] * 50 + [1] * 50, "abc", FIFTH, "class 'c' has 0 rows to train on.*remove it from label.names"),
        ([0, 1, 0, 1, 0, 1, 0, 1, 0], "ab", FIFTH, "the validation split gets 1 of 9 rows, expected at least 2 "),
        ([0, 1] * 10, "ab", Split(test=0.5, validation=0.45), r"the train split gets 1 of 20 .* change split\.test"),
        ([[1, 0]] * 60 + [[1, 1]] * 2, "ab", FIFTH, "class 'b' has 2 rows, expected at least 3"),
        ([[1]] * 60, "a", FIFTH, "expected at least two labels, found 'a'"),
        ([3.0] * 20, None, FIFTH, "every rating is 3, so there is nothing to learn"),
    ],
)
def test_what_cant_be_drawn(labels, names, split, message):
    with pytest.raises(UserError, match=message):
        draw(np.array(labels), names, split)


def test_classes_too_small_for_every_split_are_for_training_only():
    classes = np.array([0] * 50 + [1] * 2 + [2] * 1 + [3] * 47)
    splits = draw_splits(class_strata(classes, list("abcd"), FIFTH), FIFTH)
    assert {name: len(rows) for name, rows in splits.items()} == {"train": 70, "validation": 10, "test": 20}
    assert {50, 51, 52} < set(splits["train"].tolist())
    one = Split(train="a.tsv", test="b.tsv", validation=0.1)
    assert class_strata(classes, list("abcd"), one).tolist() == [0] * 50 + [1] * 2 + [-1] + [3] * 47
    assert 52 in draw_splits(class_strata(classes, list("abcd"), one), one)["train"]


def test_a_split_of_fewer_rows_than_classes():
    """The test split has its share of each class all the same, and validation the most classes that it can have."""
    classes = np.arange(150).repeat(10)
    split = Split(test=0.2, validation=0.05)
    splits = draw_splits(class_strata(classes, list(map(str, range(150))), split), split)
    assert {name: len(rows) for name, rows in splits.items()} == {"train": 1125, "validation": 75, "test": 300}
    assert set(np.bincount(classes[splits["test"]])) == {2}
    assert len(set(classes[splits["validation"]])) == 75
    skewed = np.concatenate([np.zeros(600, dtype=int), np.arange(1, 101).repeat(4)])
    splits = draw_splits(class_strata(skewed, list(map(str, range(101))), split), split)
    assert np.bincount(skewed[splits["validation"]])[0] == 30
    assert np.bincount(skewed[splits["test"]])[0] == 120


@pytest.mark.parametrize("labels", [np.array([0, 0, 1, 1, 2, 2, 0]), np.eye(3, dtype=np.int8)[[0, 0, 1, 1, 2, 2, 0]]])
def test_each_class_keeps_a_row_for_training(labels):
    drawn = {"train": np.array([0]), "validation": np.array([1, 4]), "test": np.array([2, 3, 5, 6])}
    kept = {name: rows.tolist() for name, rows in spread(drawn, labels).items()}
    assert kept == {"train": [0, 2, 4], "validation": [1], "test": [3, 5, 6]}


@pytest.mark.parametrize("rare", [3, 4, 7])
@pytest.mark.parametrize("several", [False, True], ids=["classes", "labels"])
def test_a_rare_class_is_in_every_split(rare, several):
    """Whichever split the draw puts its rows into."""
    classes = np.array([0] * (1000 - rare) + [1] * rare)
    labels = np.stack([np.ones(1000, dtype=np.int8), classes.astype(np.int8)], axis=1)
    for seed in range(20):
        split = Split(test=0.2, validation=0.1, seed=seed)
        splits = draw(labels if several else classes, ["a", "b"], split)
        assert min(int(classes[rows].sum()) for rows in splits.values()) > 0
        assert sum(map(len, splits.values())) == len(set(np.concatenate(list(splits.values())))) == 1000
        assert abs(len(splits["validation"]) - 100) <= 1


def test_what_the_source_brings_is_not_drawn():
    strata = np.arange(100) % 2
    both = draw_splits(strata, Split(train="a.tsv", test="b.tsv", validation=0.1))
    assert {name: len(rows) for name, rows in both.items()} == {"train": 90, "validation": 10}
    assert [int(strata[rows].sum()) for rows in both.values()] == [45, 5]
    brought = Split(train="a.tsv", test="b.tsv", validation="c.tsv")
    assert {name: rows.tolist() for name, rows in draw_splits(strata, brought).items()} == {"train": list(range(100))}
    assert len(np.unique(rating_strata(np.arange(100.0), Split(train="a.tsv", test="b.tsv", validation=0.1)))) == 10
    assert class_strata(np.array([0, 1]), ["a", "b"], brought).tolist() == [0, 1]


class TestLabelStrata:
    def test_rare_labels_are_in_every_split(self):
        random = np.random.default_rng(0)
        labels = (random.random((400, 4)) < [0.6, 0.3, 0.1, 0.025]).astype(np.int8)
        splits = draw_splits(label_strata(labels, list("abcd"), FIFTH), FIFTH)
        shares = np.array([labels[rows].mean(axis=0) for rows in splits.values()])
        assert labels[:, 3].sum() < 15
        assert (np.array([labels[rows].sum(axis=0) for rows in splits.values()]) > 0).all()
        assert np.abs(shares - labels.mean(axis=0)).max() < 0.08

    def test_a_row_belongs_to_its_rarest_label(self):
        labels = np.array([[1, 0]] * 60 + [[1, 1]] * 20 + [[0, 0]] * 20, dtype=np.int8)
        assert label_strata(labels, ["a", "b"], FIFTH).tolist() == [0] * 60 + [1] * 20 + [2] * 20

    def test_groups_too_small_for_every_split_join_the_largest(self):
        labels = np.array([[1, 0]] * 60 + [[0, 1]] * 20 + [[0, 0]] * 2, dtype=np.int8)
        assert label_strata(labels, ["a", "b"], FIFTH).tolist() == [0] * 60 + [1] * 20 + [0] * 2
        many = np.eye(50, dtype=np.int8).repeat(4, axis=0)
        assert len(np.unique(label_strata(many, list(map(str, range(50))), FIFTH))) == 20  # as many as validation rows
        draw_splits(label_strata(many, list(map(str, range(50))), FIFTH), FIFTH)

    def test_labels_too_small_for_every_split_are_for_training_only(self):
        labels = np.array([[1, 0, 0]] * 60 + [[0, 1, 0]] * 20 + [[1, 0, 1]] * 2, dtype=np.int8)
        strata = label_strata(labels, ["a", "b", "c"], FIFTH)
        assert strata.tolist() == [0] * 60 + [1] * 20 + [-1] * 2
        assert {80, 81} < set(draw_splits(strata, FIFTH)["train"].tolist())
