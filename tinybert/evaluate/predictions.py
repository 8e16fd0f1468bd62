"""Teacher's and student's answers to each row of the test split, and what a reader wants to know of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import softmax
from sklearn.metrics import confusion_matrix

from tinybert.evaluate.metrics import correlation

TEXTS = ("text", "text_pair")


def answers(rows: pd.DataFrame, teacher: np.ndarray, student: np.ndarray, task_type: str) -> pd.DataFrame:
    """The test rows with both models' answers.

    Args:
        rows: columns `text`, `text_pair` (only for pairs), `label`.
        teacher, student: logits, (rows, classes), or (rows, 1) for regression.

    Returns:
        the rows and, for each of the two models, the columns `teacher` (class index, or the predicted number) and for
        classification `teacher_probabilities` (a list, in class order).
    """
    table = rows.reset_index(drop=True).copy()
    for name, logits in (("teacher", teacher), ("student", student)):
        if task_type == "regression":
            table[name] = logits[:, 0].astype(np.float64)
        else:
            table[name] = logits.argmax(axis=1).astype(np.int64)
            table[f"{name}_probabilities"] = list(softmax(logits.astype(np.float64), axis=1).round(6))
    return table


def agreement(table: pd.DataFrame, task_type: str) -> float:
    """Share of rows that both models answer alike; for regression the Pearson correlation of the two."""
    if task_type == "regression":
        return correlation("pearson", table["teacher"].to_numpy(), table["student"].to_numpy())
    return float((table["teacher"] == table["student"]).mean())


def confusion(table: pd.DataFrame, model: str, classes: int) -> list[list[int]]:
    """Counts, a row for each true class, a column for each answer."""
    return confusion_matrix(table["label"], table[model], labels=list(range(classes))).tolist()


def disagreements(table: pd.DataFrame, most: int = 8) -> pd.DataFrame:
    """The rows on which the models contradict each other most, first the plainest.

    For classification those with different answers, by the lower of the two models' confidences, which comes in the
    column `confidence`; for regression by the distance of the two answers.
    """
    if "teacher_probabilities" not in table:
        distance = (table["teacher"] - table["student"]).abs()
        return table.assign(distance=distance).sort_values("distance", ascending=False, kind="stable").head(most)
    apart = table[table["teacher"] != table["student"]]
    confidence = [
        min(max(teacher), max(student))
        for teacher, student in zip(apart["teacher_probabilities"], apart["student_probabilities"], strict=True)
    ]
    apart = apart.assign(confidence=np.array(confidence, dtype=float))
    return apart.sort_values("confidence", ascending=False, kind="stable").head(most)
