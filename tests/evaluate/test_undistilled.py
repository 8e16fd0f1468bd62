"""What would be shipped without distilling: that it learns, on the training rows alone, and of every teacher."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from model2vec import StaticModel
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression, Ridge
from transformers import BertConfig

from tests.evaluate.made_up import experiment, fit, student
from tests.families import FAMILIES, save_family
from tests.tiny import tiny_bert, weather_rows
from tinybert.evaluate.schema import Alternatives, read_checked
from tinybert.evaluate.undistilled import _write_terms, _write_vectors, fit_layer
from tinybert.metrics.scores import score
from tinybert.models.loading import head_config, load_classifier
from tinybert.runtime.alternatives import open_alternative, open_static

NAMES = {"classification": ["bad", "good"], "multilabel": ["bad", "good", "never"], "regression": None}
METRICS = {"classification": "accuracy", "multilabel": "f1_micro", "regression": "pearson"}


def label(rows, kind):
    if kind == "multilabel":
        return rows.assign(label=[[1 - good, good, 0] for good in rows["label"]])
    return rows.assign(label=rows["label"] * 4.0 + 1) if kind == "regression" else rows


@pytest.fixture
def fitted(tmp_path, monkeypatch):
    """Fit both on weather reports; gives the folder in which all of it lies."""
    monkeypatch.setattr("tinybert.metrics.scores.RESAMPLES", 50)

    def fitted(kind="classification", pair=False, change=lambda test: test, name="one"):
        folder = tmp_path / name
        tiny_bert(folder / "teacher")
        head = head_config(NAMES.get(kind, ["bad", "good"]), kind == "multilabel")
        load_classifier(folder / "teacher", new_head=head).save_pretrained(folder / "teacher")
        rows = label(weather_rows(300), kind)
        if pair:  # the label is of the second text
            rows.insert(1, "text_pair", rows["text"])
            rows["text"] = rows["text"].sample(len(rows), random_state=0).tolist()
        splits = {"train": rows[:200], "validation": rows[200:240], "test": change(rows[240:])}
        for split, part in splits.items():
            part.to_parquet(folder / f"{split}.parquet", index=False)
        task = (
            experiment({"s": student()}).tasks["movies"].model_copy(update={"type": kind, "metric": METRICS.get(kind)})
        )
        fit(task, folder / "teacher", folder, folder / "made")
        return folder

    return fitted


@pytest.mark.parametrize("pair", [False, True])
@pytest.mark.parametrize("kind", NAMES)
def test_both_learn_and_say_what_they_are_scored_by(fitted, kind, pair):
    folder = fitted(kind, pair)
    found = read_checked(folder / "made.json", Alternatives, "alternatives").root
    rows, said = (pd.read_parquet(folder / f"{name}.parquet") for name in ("test", "made"))
    texts = list(rows[["text", "text_pair"] if pair else ["text"]].itertuples(index=False, name=None))
    labels = np.stack(rows["label"].tolist())
    assert list(found) == list(said) == ["tfidf", "static"]
    for name, measured in found.items():
        opened = open_alternative(folder / "made" / name)
        logits = opened.logits(texts)
        assert logits.shape == (len(rows), len(NAMES[kind] or [0]))
        np.testing.assert_allclose(np.stack(said[name].tolist()), logits, atol=1e-6)
        assert measured.score == pytest.approx(score(METRICS[kind], labels, logits), abs=1e-6)
        assert measured.score > 0.85
        assert measured.ci95[0] <= measured.score <= measured.ci95[1]
        assert measured.bytes == sum(file.stat().st_size for file in (folder / "made" / name).iterdir())
        own, teachers = opened.config, json.loads((folder / "teacher/config.json").read_text())
        assert (own["id2label"], own["problem_type"]) == (teachers["id2label"], teachers["problem_type"])
        assert ("label_temperature" in own) is (kind != "regression")


def contents(folder: Path) -> dict[str, bytes]:
    files = [*folder.glob("made/*/*"), folder / "made.json", folder / "made.parquet"]
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}


def test_the_same_bytes_twice_and_test_rows_decide_none_of_a_model(fitted):
    one, same = contents(fitted()), contents(fitted(name="two"))
    assert one == same
    assert {Path(file).suffix for file in one} == {".json", ".safetensors", ".parquet"}
    other = contents(fitted(name="three", change=lambda test: test.assign(label=1 - test["label"])))
    assert {file for file in one if one[file] != other[file]} == {"made.json"}


def test_a_log_has_no_bars_of_libraries(fitted, capsys):
    fitted()
    assert "tokens/s" not in capsys.readouterr().err


def test_of_spans_there_are_none(fitted):
    folder = fitted("span")
    assert list((folder / "made").iterdir()) == []
    assert read_checked(folder / "made.json", Alternatives, "alternatives").root == {}
    assert list(pd.read_parquet(folder / "made.parquet")) == []


def test_a_teacher_that_model2vec_cannot_read_leaves_the_other(fitted, monkeypatch, capsys):
    def refuse(*_):
        raise ValueError("no such tokenizer")

    monkeypatch.setattr("tinybert.evaluate.undistilled.distill_from_model", refuse)
    folder = fitted()
    assert list(read_checked(folder / "made.json", Alternatives, "alternatives").root) == ["tfidf"]
    assert [each.name for each in (folder / "made").iterdir() if each.is_dir()] == ["tfidf"]
    assert "static: left out, since model2vec can't read" in capsys.readouterr().out


def test_texts_without_a_word_have_no_terms(tmp_path, capsys):
    assert not _write_terms(tmp_path, [("! ?",), ("🙂",)], tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert "no training text has a word" in capsys.readouterr().out
    assert _write_terms(tmp_path, [("once",), ("twice",)], tmp_path)  # none stands in two
    assert json.loads((tmp_path / "vocabulary.json").read_text()) == ["once", "twice"]


@pytest.mark.parametrize("family", FAMILIES)
def test_static_vectors_are_those_of_model2vec_for_every_family(tmp_path, family):
    teacher, folder = save_family(tmp_path / "teacher", family), tmp_path / "static"
    folder.mkdir()
    assert _write_vectors(teacher, [], folder)
    (folder / "config.json").write_text('{"normalize": true}')
    texts = ["The weather was lovely, drizzly and ünknown!", "天气晴朗", "sunny", ""]
    theirs = StaticModel.from_pretrained(folder).encode(texts)
    ours = open_static(folder).embed(texts)
    assert np.linalg.norm(ours, axis=1) == pytest.approx([1, np.linalg.norm(theirs[1].astype(float)), 1, 0], abs=2e-3)
    np.testing.assert_allclose(ours, theirs, atol=5e-3)


class TestFitLayer:
    random = np.random.default_rng(0)
    features = random.normal(size=(60, 4)).astype(np.float32)

    @pytest.mark.parametrize("classes", [2, 3])
    def test_classes_are_logistic_regression(self, classes):
        labels = (self.features[:, 0] * 2).round().clip(0, classes - 1).astype(int)
        weight, bias = fit_layer(self.features, labels, BertConfig(num_labels=classes), 10.0)
        expected = LogisticRegression(C=10.0, max_iter=1000).fit(self.features, labels).predict_proba(self.features)
        np.testing.assert_allclose(softmax(self.features @ weight + bias, axis=1), expected, atol=1e-5)

    def test_a_class_that_no_row_has_is_never_said(self):
        labels = (self.features[:, 0] > 0) * 2
        weight, bias = fit_layer(self.features, labels, BertConfig(num_labels=3), 10.0)
        assert set((self.features @ weight + bias).argmax(axis=1)) == {0, 2}

    def test_labels_are_fitted_one_by_one_and_constant_ones_are_constant(self):
        labels = np.stack([self.features[:, 0] > 0, np.zeros(60), np.ones(60)], axis=1).astype(int)
        config = BertConfig(num_labels=3, problem_type="multi_label_classification")
        weight, bias = fit_layer(self.features, labels, config, 10.0)
        said = self.features @ weight + bias
        alone = LogisticRegression(C=10.0, max_iter=1000).fit(self.features, labels[:, 0])
        np.testing.assert_allclose(said[:, 0], alone.decision_function(self.features), atol=1e-4)
        assert said[:, 1].max() < -5
        assert said[:, 2].min() > 5

    def test_numbers_are_ridge_regression(self):
        config = BertConfig(num_labels=1, problem_type="regression")
        weight, bias = fit_layer(self.features, self.features[:, 0] * 3 + 1, config, 10.0)
        expected = Ridge(alpha=0.1).fit(self.features, self.features[:, 0] * 3 + 1).predict(self.features)
        np.testing.assert_allclose((self.features @ weight + bias)[:, 0], expected, atol=1e-4)
