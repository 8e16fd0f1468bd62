"""What somebody would ship without distilling, fitted and scored on the rows of the students.

`tfidf` is TF-IDF of words and pairs of words; `static` is the teacher's tokens, each with one vector that doesn't
depend on its neighbours (model2vec: the teacher reads each token alone, the 256 main directions are kept, and frequent
tokens weigh less). On both a linear layer is fitted: logistic regression, one for each label of a multilabel task, or
ridge regression. How strongly it is held back is chosen by the task's metric on validation.
"""

from __future__ import annotations

import json
import logging
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from model2vec.distill import distill_from_model, inference
from safetensors.numpy import save_file
from scipy.sparse import csr_matrix
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from transformers import PretrainedConfig

from tinybert.evaluate.schema import Alternative, Alternatives
from tinybert.metrics import scores as metrics
from tinybert.metrics.calibration import fit_temperature
from tinybert.models.loading import MULTILABEL, REGRESSION, load_config, load_encoder, load_tokenizer
from tinybert.params.tasks import Task
from tinybert.running.bars import Bar
from tinybert.running.lineage import write_lineage
from tinybert.runtime.alternatives import (
    CONFIG,
    IDF,
    LAYER,
    TOKENIZER,
    VECTORS,
    VOCABULARY,
    Row,
    Static,
    TfIdf,
    open_alternative,
    open_static,
    open_tfidf,
    terms,
)
from tinybert.tokens.encoding import label_array

FEWEST, MOST_TERMS = 2, 100_000
"""Training texts in which a term stands at least, unless none stands in so many; the most frequent that are kept."""
STRENGTHS = (0.1, 1.0, 10.0, 100.0, 1000.0)
"""Inverse weights of the squared norm of a layer, the strongest first: of two that score alike, it is taken."""
ITERATIONS = 1000
NEVER = -10.0
"""The logit of a class that no training text has."""
CHUNK = 1000
DECIMALS = 6

logging.getLogger("skeletoken").setLevel(logging.ERROR)  # warns of each token that it looks up, and of small models
logging.getLogger("model2vec").setLevel(logging.ERROR)
inference.tqdm = Bar  # its own fills a log

Features = Any
"""(rows, features), a matrix of numpy's or a sparse one of scipy's."""
Layer = tuple[np.ndarray, np.ndarray]
"""Weight (features, classes) and bias (classes,)."""


def fit_alternatives(
    task: Task, teacher: Path, data: Path, seed: int, stage: str, folder: Path, scores: Path, answers: Path
) -> None:
    """Fit both on the training rows, and score them on the test rows, on which nothing is chosen.

    For spans there are none: the folder stays empty, and so are the scores and the answers.

    Args:
        task: its type and its metric are read.
        teacher: the task's; its config.json names the classes.
        data: the task's, with `train.parquet`, `validation.parquet`, `test.parquet`.
        seed: of the bootstrap.
        stage: `stage@key`, for the lineage.
        folder: gets `tfidf/` and `static/`, see `tinybert.runtime.alternatives`, and `lineage.json`. Where model2vec
            can't read the teacher, there is no `static/`.
        scores: gets the `Alternatives`.
        answers: a Parquet file that gets both's logits on the test rows, in their order: for each a column of lists of
            float32, rounded, by its name.
    """
    if task.type == "span":
        _write_scores({}, {}, scores, answers)
        return
    metric, config = task.metric, load_config(teacher)
    splits = {name: pd.read_parquet(data / f"{name}.parquet") for name in ("train", "validation", "test")}
    texts = {name: rows_of(split) for name, split in splits.items()}
    labels = {name: label_array(split) for name, split in splits.items()}
    found: dict[str, Alternative] = {}
    said: dict[str, np.ndarray] = {}
    for name, write in (("tfidf", _write_terms), ("static", _write_vectors)):
        own = folder / name
        own.mkdir()
        if not write(teacher, texts["train"], own):
            own.rmdir()
            continue
        _fit_layer(name, config, texts, labels, metric, own)
        logits = open_alternative(own).logits(texts["test"])
        interval = metrics.confidence_interval(metric, labels["test"], logits, seed)
        found[name] = measured = Alternative(
            score=round(metrics.score(metric, labels["test"], logits), DECIMALS),
            ci95=[round(end, DECIMALS) for end in interval],
            bytes=sum(file.stat().st_size for file in own.iterdir()),
        )
        said[name] = logits
        print(f"  {name}: {measured.score:.4f}, {measured.bytes / 1e6:.1f} MB")
    inputs = {"teacher": teacher} | {name: data / f"{name}.parquet" for name in splits}
    write_lineage(folder, stage, {"metric": metric}, inputs, {})
    _write_scores(found, said, scores, answers)


def rows_of(rows: pd.DataFrame) -> list[Row]:
    """The texts of a task's rows."""
    columns = [name for name in ("text", "text_pair") if name in rows]
    return list(rows[columns].itertuples(index=False, name=None))


def _write_terms(_: Path, rows: Sequence[Row], folder: Path) -> bool:
    """Whether there are any, such as in texts of emojis there are not."""
    found = [terms(text) for row in Bar(rows, desc="counting words", unit="row") for text in row]
    if not any(found):
        print("  tfidf: left out, since no training text has a word")
        return False
    repeated = any(count >= FEWEST for count in Counter(term for text in found for term in set(text)).values())
    vectorizer = TfidfVectorizer(analyzer=list, min_df=FEWEST if repeated else 1, max_features=MOST_TERMS).fit(found)
    vocabulary = vectorizer.get_feature_names_out().tolist()
    (folder / VOCABULARY).write_text(json.dumps(vocabulary, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")
    save_file({"idf": vectorizer.idf_.astype(np.float32)}, folder / IDF)
    return True


def _write_vectors(teacher: Path, _: Sequence[Row], folder: Path) -> bool:
    """Whether model2vec can read the teacher; it knows the tokenizers of all families that are tested here."""
    try:
        model = distill_from_model(load_encoder(teacher), load_tokenizer(teacher))
    except (ValueError, LookupError, TypeError, AttributeError, AssertionError) as error:
        print(f"  static: left out, since model2vec can't read {teacher}: {type(error).__name__}: {error}")
        return False
    save_file({"embeddings": np.ascontiguousarray(model.embedding)}, folder / VECTORS)
    model.tokenizer.no_padding()
    model.tokenizer.save(str(folder / TOKENIZER), pretty=False)
    return True


def _fit_layer(
    name: str,
    config: PretrainedConfig,
    texts: dict[str, list[Row]],
    labels: dict[str, np.ndarray],
    metric: str,
    folder: Path,
) -> None:
    """Write the layer that scores best on validation, and config.json, to what `folder` has of the texts' features."""
    read = _sparse(open_tfidf(folder)) if name == "tfidf" else _dense(open_static(folder))
    train, validation = (read(texts[split]) for split in ("train", "validation"))
    tried = []
    for strength in Bar(STRENGTHS, desc=f"fitting {name}", unit="layer"):
        weight, bias = fit_layer(train, labels["train"], config, strength)
        logits = (validation @ weight + bias).astype(np.float32)
        tried.append((metrics.score(metric, labels["validation"], logits), logits, (weight, bias), strength))
    _, logits, (weight, bias), strength = max(tried, key=lambda each: each[0])
    save_file({"weight": weight, "bias": bias}, folder / LAYER)
    said: dict[str, Any] = {"alternative": name, "model_type": "model2vec" if name == "static" else name}
    said |= {"id2label": config.id2label, "problem_type": config.problem_type, "strength": strength}
    if config.problem_type != REGRESSION:
        said["label_temperature"] = fit_temperature(labels["validation"], logits)
    if name == "static":
        said["normalize"] = True  # for model2vec, which can read the folder
    (folder / CONFIG).write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def fit_layer(features: Features, labels: np.ndarray, config: PretrainedConfig, strength: float) -> Layer:
    """A linear layer, float32.

    Args:
        features: (rows, features).
        labels: see `tinybert.tokens.encoding.label_array`.
        config: of the task's teacher, which says of what kind the labels are, and how many.
        strength: the larger, the closer to the labels.
    """
    if config.problem_type == REGRESSION:
        model = Ridge(alpha=1 / strength).fit(features, labels)
        return model.coef_.reshape(-1, 1).astype(np.float32), np.array([model.intercept_], np.float32).reshape(1)
    if config.problem_type != MULTILABEL:
        return _logistic(features, labels, config.num_labels, strength)
    each = [_logistic(features, labels[:, place], 2, strength) for place in range(config.num_labels)]
    weights, biases = zip(*each, strict=True)
    return np.stack([weight[:, 1] - weight[:, 0] for weight in weights], axis=1), np.diff(np.stack(biases)).ravel()


def _logistic(features: Features, labels: np.ndarray, classes: int, strength: float) -> Layer:
    """Logistic regression, whatever classes the rows have."""
    weight = np.zeros((features.shape[1], classes), np.float32)
    bias = np.full(classes, NEVER, np.float32)
    present = np.unique(labels)
    if len(present) == 1:
        bias[present] = 0
        return weight, bias
    with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
        model = LogisticRegression(C=strength, max_iter=ITERATIONS).fit(features, labels)
    halves = np.array([[-0.5], [0.5]]) if len(present) == 2 else np.eye(len(present))
    weight[:, present], bias[present] = (halves @ model.coef_).T, halves @ model.intercept_
    return weight, bias


def _sparse(reader: TfIdf) -> Callable[[list[Row]], csr_matrix]:
    def read(rows: list[Row]) -> csr_matrix:
        found = [reader.features(row) for row in Bar(rows, desc="weighing words", unit="text")]
        ends = np.cumsum([0, *(len(places) for places, _ in found)])
        places, values = (np.concatenate(part) for part in zip(*found, strict=True))
        width = len(reader.places) * (1 if len(rows[0]) == 1 else 4)
        return csr_matrix((values, places, ends), shape=(len(rows), width))

    return read


def _dense(reader: Static) -> Callable[[list[Row]], np.ndarray]:
    def read(rows: list[Row]) -> np.ndarray:
        chunks = Bar(range(0, len(rows), CHUNK), desc="averaging vectors", unit="k texts")
        return np.concatenate([reader.features(rows[start : start + CHUNK]) for start in chunks])

    return read


def _write_scores(found: dict[str, Alternative], said: dict[str, np.ndarray], scores: Path, answers: Path) -> None:
    scores.write_text(Alternatives.model_validate(found).model_dump_json(indent=1) + "\n", encoding="utf-8")
    columns = {name: list(logits.round(DECIMALS)) for name, logits in said.items()}
    pd.DataFrame(columns).to_parquet(answers, index=False)
