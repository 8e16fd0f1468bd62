"""What is shipped without distilling, without torch and without what it was made with."""

import json
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import save_file
from sklearn.feature_extraction.text import TfidfVectorizer

from tests.import_closure import ROOT
from tinybert.errors import UserError
from tinybert.runtime.alternatives import WORD, TfIdf, open_alternative, terms

TEXTS = [
    "The film isn't good, it isn't even a FILM!",
    "A moving film that never begs for its tears",
    "Ärger in Paris — naïve, 12.5 % good",
    "天气非常好，film は良い",
    "",
]
PAIR = ("a good film", "a film that never begs")


@pytest.fixture(scope="module")
def scikit():
    """TF-IDF as scikit-learn has it, with its own way to words and pairs of words."""
    vectorizer = TfidfVectorizer(token_pattern=WORD, ngram_range=(1, 2), sublinear_tf=True)
    return vectorizer.fit(TEXTS)


def dense(reader, row, width):
    places, values = reader.features(row)
    found = np.zeros(width)
    np.add.at(found, places, values)
    return found


def test_plain_code_weighs_words_as_scikit_learn_does(scikit):
    reader = TfIdf(scikit.get_feature_names_out().tolist(), scikit.idf_.astype(np.float32))
    unseen = [*TEXTS, "good tears, unheard of: good good film 天气", "nothing known"]
    expected = scikit.transform(unseen).toarray()
    assert expected[-2].any()
    found = np.stack([dense(reader, (text,), expected.shape[1]) for text in unseen])
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_pair_is_both_texts_their_difference_and_their_product(scikit):
    reader = TfIdf(scikit.get_feature_names_out().tolist(), scikit.idf_)
    first, second = scikit.transform(PAIR).toarray()
    expected = np.concatenate([first, second, np.abs(first - second), first * second])
    assert np.count_nonzero(first * second)
    np.testing.assert_allclose(dense(reader, PAIR, len(expected)), expected, atol=1e-6)


def test_characters_of_scripts_without_spaces_are_words():
    assert terms("天气 Good") == ["天", "气", "good", "天 气", "气 good"]


@pytest.fixture
def folder(tmp_path, scikit):
    names = scikit.get_feature_names_out().tolist()
    (tmp_path / "vocabulary.json").write_text(json.dumps(names))
    save_file({"idf": scikit.idf_.astype(np.float32)}, tmp_path / "idf.safetensors")
    weight = np.random.default_rng(0).normal(size=(len(names), 2)).astype(np.float32)
    save_file({"weight": weight, "bias": np.ones(2, np.float32)}, tmp_path / "layer.safetensors")
    said = {"alternative": "tfidf", "id2label": {"0": "no", "1": "yes"}, "problem_type": "single_label_classification"}
    (tmp_path / "config.json").write_text(json.dumps(said))
    return tmp_path


def test_it_answers_without_torch_and_scikit_learn(folder):
    code = (
        "import sys; from pathlib import Path; from tinybert.runtime.alternatives import open_alternative as o;"
        f"print(o(Path({str(folder)!r})).logits([('good film',), ('',)]).shape,"
        "{'torch', 'sklearn', 'scipy', 'model2vec', 'transformers', 'pandas'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "(2, 2) set()\n", done.stderr


def test_nothing_asked_nothing_answered(folder):
    opened = open_alternative(folder)
    assert opened.config["id2label"] == {"0": "no", "1": "yes"}
    assert opened.logits([]).shape == (0, 2)
    np.testing.assert_array_equal(opened.logits([("unheard-of",)]), [[1, 1]])


@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        ("config.json", '{"alternative": "bayes"}', "'bayes'"),
        ("config.json", "[]", "TypeError"),
        ("layer.safetensors", "no tensors", "SafetensorError"),
        ("vocabulary.json", None, "No such file"),
    ],
)
def test_a_folder_that_is_none_is_a_line(folder, file, content, reason):
    (folder / file).unlink()
    if content is not None:
        (folder / file).write_text(content)
    with pytest.raises(UserError, match=rf"expected what the stage alternatives writes: .*{reason}"):
        open_alternative(folder)
