"""Teacher's and student's answers to each row of the test split, and what a reader wants to know of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit, softmax
from sklearn.metrics import confusion_matrix

from tinybert.metrics.answers import answer_values, normalise, right_answers
from tinybert.metrics.scores import correlation

TEXTS = ("text", "text_pair")
DEPLOYED = "deployed.parquet"
"""The answers of exported models, a column each, named as in speed.json (see `plain_answers`)."""


def answers(
    rows: pd.DataFrame, teacher: np.ndarray, student: np.ndarray, task_type: str, no_answer: bool = False
) -> pd.DataFrame:
    """The test rows with both models' answers.

    Args:
        rows: columns `text`, `text_pair` (only for pairs), `label`.
        teacher, student: logits, (rows, classes), or (rows, 1) for regression; for span the answers, str (rows,).
        no_answer: for span, see `right_answers`.

    Returns:
        the rows and, for each of the two models, the columns `teacher` (class index, the predicted number, or for
        multilabel a list of 0 and 1) and, unless it is regression, `teacher_probabilities` (a list, in class order).
        For span `teacher` is the answer's text, `teacher_f1` its F1, and `label` a list of right answers that count.
    """
    table = rows.reset_index(drop=True).copy()
    if task_type == "span":
        texts = ([answer["text"] for answer in label] for label in table["label"])
        table["label"] = [list(right_answers(each, no_answer)) for each in texts]
    for name, said in (("teacher", teacher), ("student", student)):
        table[name] = plain_answers(said, task_type)
        if task_type == "span":
            table[f"{name}_f1"] = answer_values("span_f1", table["label"], said)
        elif task_type != "regression":
            several, logits = task_type == "multilabel", said.astype(np.float64)
            table[f"{name}_probabilities"] = list((expit(logits) if several else softmax(logits, axis=1)).round(6))
    return table


def plain_answers(said: np.ndarray, task_type: str) -> list[Any]:
    """What a model says of each row, see `answers`: a class index, a number, a list of 0 and 1, or a text."""
    if task_type == "multilabel":
        return list((said > 0).astype(np.int8))
    if task_type == "regression":
        return said[:, 0].astype(np.float64).tolist()
    return (said if task_type == "span" else said.argmax(axis=1)).tolist()


def agreement(table: pd.DataFrame, task_type: str) -> float:
    """Share of rows that both models answer alike; for regression the Pearson correlation of the two."""
    if task_type == "regression":
        return correlation("pearson", table["teacher"].to_numpy(), table["student"].to_numpy())
    return float((~apart(table)).mean())


def apart(table: pd.DataFrame) -> np.ndarray:
    """Which rows the models answer differently, in any label, or not in the same words; bool (rows,)."""
    if "teacher_f1" in table:
        return (table["teacher"].map(normalise) != table["student"].map(normalise)).to_numpy(bool)
    pairs = zip(table["teacher"], table["student"], strict=True)
    return np.array([np.any(teacher != student) for teacher, student in pairs], dtype=bool)


def confusion(table: pd.DataFrame, model: str, classes: int) -> list[list[int]]:
    """Counts, a row for each true class, a column for each answer."""
    return confusion_matrix(table["label"], table[model], labels=list(range(classes))).tolist()


def disagreements(table: pd.DataFrame, most: int = 8) -> pd.DataFrame:
    """The rows on which the models contradict each other most, first the plainest.

    That is for classification by the lower of the two models' confidences; for multilabel by that of the label on which
    it is highest; for regression by the distance of the two answers; for span by how much better the teacher's is.
    """
    different = table[apart(table)]
    if "teacher_f1" in table:
        contrast = different["teacher_f1"] - different["student_f1"]
    elif "teacher_probabilities" in table:
        contrast = pd.Series([_confidence(row) for row in different.to_dict("records")], dtype=float)
    else:
        contrast = (different["teacher"] - different["student"]).abs()
    return different.iloc[np.argsort(-contrast.to_numpy(), kind="stable")[:most]]


def _confidence(row: Mapping[Any, Any]) -> float:
    """How sure the less sure of two models is of an answer that is not the other's."""
    teacher, student = (np.asarray(row[f"{who}_probabilities"]) for who in ("teacher", "student"))
    if np.ndim(row["teacher"]) == 0:
        return float(min(teacher.max(), student.max()))
    sure = np.minimum(np.maximum(teacher, 1 - teacher), np.maximum(student, 1 - student))
    return float(sure[np.asarray(row["teacher"]) != np.asarray(row["student"])].max())
