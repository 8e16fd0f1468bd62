"""Tasks of type span: their keys in params.yaml."""

import pytest
from ruamel.yaml import YAML

from tests.params.conftest import SOUND

SPAN = {
    "type": "span",
    "columns": None,
    "text": ["question", "context"],
    "label": {"column": "answers", "stride": 128, "longest_answer": 30, "no_answer": True},
    "metric": "span_f1",
    "max_length": 384,
}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, None),
        ({"metric": "exact_match"}, None),
        ({"metric": "f1"}, "metric: expected one of span_f1, exact_match for span, found 'f1'"),
        ({"text": ["question"]}, "text: expected two columns, as in [question, context], found ['question']"),
        ({"columns": ["question", "context", "answers"]}, "columns: files of questions name their columns themselves"),
        ({"label": {"column": "answers"}}, "label.stride: this key is missing; add it"),
        ({"max_length": 140}, "label.stride: expected at most 116, which leaves room for a question"),
        (
            {"split": {"test": 0.2, "validation": 0.1, "quotes": True}},
            "split.quotes: files of questions are JSON; remove",
        ),
        (
            {"label": SPAN["label"] | {"names": ["a", "b"]}},
            "label.names: a task of type span has no classes; remove it",
        ),
        ({"label": SPAN["label"] | {"drop": ["x"]}}, "label.drop: answers have no classes; remove it"),
    ],
)
def test_questions_on_contexts(mistakes, changes, message):
    lines = mistakes("tasks.movies", YAML(typ="safe").load(SOUND)["tasks"]["movies"] | SPAN | changes)
    assert len(lines) == (message is not None)
    assert message is None or lines[0].startswith(f"tasks.movies.{message}")
