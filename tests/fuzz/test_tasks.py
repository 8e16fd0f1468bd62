"""A task's rows from odd tables with odd labels, questions from odd SQuAD files: made, or refused in one line."""

import gzip
import io
import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.fuzz.files import SECONDS, broken, mostly, seconds_of, seconds_to_read, texts
from tests.fuzz.test_tables import files, values
from tests.tasks.test_prepare import ENTRY
from tinybert.params.tasks import Task
from tinybert.questions.squad import read_questions
from tinybert.tasks.prepare import prepare

names = st.lists(texts, min_size=2, max_size=3, unique=True)
specs = st.fixed_dictionaries(
    {},
    optional={
        "column": st.sampled_from(["label", "tags", "text"]),
        "columns": st.just(["label", "id"]),
        "separator": st.sampled_from(["|", ",", " "]) | texts,
        "threshold": st.floats(-2, 2) | st.integers(0, 3),
        "softness": st.floats(1e-9, 1e9),
        "drop": st.lists(texts | st.integers(-1, 2) | st.floats(), max_size=2),
        "names": names | st.just(["0", "1"]) | st.just(["bad", "good"]),
        "values": names | st.lists(st.integers(0, 3), min_size=2, max_size=3),
    },
)
METRIC = {"classification": "accuracy", "multilabel": "f1_micro", "regression": "pearson"}


LABELS = {
    "classification": (
        ({}, ["bad", "good"]),
        ({"names": ["bad", "good"]}, ["good", "bad"]),
        ({"names": ["bad", "good"], "values": [0, 1]}, ["0", "1", "1.0"]),
        ({"names": ["bad", "good"], "threshold": 0.5}, ["0", "1e0", ".7"]),
        ({"names": ["bad", "good"], "threshold": 0, "softness": 1e-300}, [-1, 1]),
        ({"drop": ["-1", "x"]}, ["007", "7", "x", True, -1]),
    ),
    "regression": (({}, ["0", "1.5", -2, 1e308]), ({"drop": [0]}, [0, 1, "2"])),
    "multilabel": (
        ({"separator": "|"}, ["a|b", "b", ""]),
        ({}, [["a"], [], ["a", "b"], "[]"]),
        ({"names": ["a", "b"]}, [[1, 0], [0, 1], [1, 1]]),
        ({"columns": ["label", "id"], "column": None}, [0, 1]),
    ),
}
"""By type: what labels may say, and labels that fit."""


@st.composite
def tasks(draw):
    """A task and a table for it: mostly one that fits; else one with odd labels, or a table of any kind."""
    kind = draw(st.sampled_from([*METRIC]))
    said, cells = draw(st.sampled_from(LABELS[kind]))
    label = draw(mostly(st.just({"column": "label"} | said), specs))
    text = draw(mostly(st.just(["text"]), st.just(["text", "id"])))
    split = {"test": 0.2, "validation": draw(mostly(st.just(0.2), st.floats(0.01, 0.9)))}
    split["broken"] = draw(st.sampled_from(["refuse", "skip"]))
    try:
        entry = ENTRY | {"type": kind, "metric": METRIC[kind], "label": label, "text": text, "split": split}
        task = Task.model_validate(entry)
    except ValidationError:
        assume(False)
    rows = [
        {"text": f"text {number}", "label": cells[number % len(cells)], "tags": number, "id": number // 2 % 2}
        for number in range(draw(st.integers(10, 40)))
    ]
    for _ in range(draw(st.sampled_from([0, 0, 1, 2]))):
        rows[draw(st.integers(0, len(rows) - 1))][draw(st.sampled_from(["text", "label"]))] = draw(texts | values)
    content = "\n".join(map(json.dumps, rows)).encode()
    return task, draw(mostly(st.just(("t.jsonl", content)), files()))


@given(tasks())
def test_tasks(task_and_file):
    task, (name, content) = task_and_file
    with TemporaryDirectory() as folder:
        source, made = Path(folder, "source"), Path(folder, "made")
        source.mkdir()
        made.mkdir()
        (source / name).write_bytes(content)
        assert seconds_of(lambda: prepare(source, task, made)) < SECONDS


MULTILABEL = ENTRY | {"type": "multilabel", "metric": "f1_micro"}


@pytest.mark.parametrize("cell", ["[" * 100_000, "9" * 100_000 + "x", "[" + "9" * 5000 + "]"])
@pytest.mark.parametrize("entry", [ENTRY, MULTILABEL, ENTRY | {"type": "regression", "metric": "pearson"}])
def test_cells_that_take_long(cell, entry, tmp_path):
    (tmp_path / "source").mkdir()
    rows = [json.dumps({"text": f"text {number}", "label": cell}) for number in range(20)]
    (tmp_path / "source/t.jsonl").write_text("\n".join(rows))
    (tmp_path / "made").mkdir()
    assert seconds_of(lambda: prepare(tmp_path / "source", Task.model_validate(entry), tmp_path / "made")) < SECONDS


answers = st.fixed_dictionaries(
    {}, optional={"text": texts | values, "answer_start": st.integers(-2, 9) | st.integers() | values}
)
answered = st.lists(answers, max_size=2) | st.fixed_dictionaries(
    {"text": st.lists(texts | values, max_size=2), "answer_start": st.lists(st.integers(-2, 9), max_size=2)}
)
question = st.fixed_dictionaries(
    {"question": texts},
    optional={"id": texts | values, "answers": answered | values, "is_impossible": st.booleans() | values},
)
paragraph = st.fixed_dictionaries({"context": texts}, optional={"qas": st.lists(question | values, max_size=3)})
article = st.fixed_dictionaries({"paragraphs": st.lists(paragraph | values, max_size=2)}, optional={"title": texts})
flat = st.fixed_dictionaries(
    {"question": texts | values, "context": texts, "answers": answered | values}, optional={"id": values}
)
found = st.fixed_dictionaries(
    {"text": st.just(["text"]), "answer_start": st.lists(st.integers(-2, 9), min_size=1, max_size=1)}
)
answerable = st.fixed_dictionaries(
    {"question": texts, "context": st.just("a text"), "answers": found}, optional={"id": texts | st.integers()}
)
asked = st.fixed_dictionaries(
    {"id": texts, "question": texts, "answers": st.just([{"text": "text", "answer_start": 2}])}
)
nested = st.fixed_dictionaries({"context": st.just("a text"), "qas": st.lists(asked, min_size=1, max_size=3)})
squad = st.one_of(
    st.lists(answerable, min_size=1, max_size=3).map(json.dumps),
    st.lists(answerable, min_size=1, max_size=3).map(lambda rows: "\n".join(map(json.dumps, rows))),
    nested.map(lambda paragraph: json.dumps({"data": [{"title": "t", "paragraphs": [paragraph]}]})),
    st.fixed_dictionaries({"data": st.lists(article, max_size=2)}).map(json.dumps),
    st.fixed_dictionaries({"data": st.lists(article | values, max_size=2)}).map(json.dumps),
    st.lists(flat, max_size=3).map(json.dumps),
    st.lists(flat | values, max_size=3).map(lambda rows: "\n".join(map(json.dumps, rows))),
)


@given(
    content=broken(squad.map(str.encode)),
    name=st.sampled_from(["t.json", "t.jsonl", "t.json.gz"]),
    no_answer=st.booleans(),
    labelled=st.booleans(),
)
def test_questions(content, name, no_answer, labelled):
    content = gzip.compress(content, mtime=0) if name.endswith("gz") else content
    assert seconds_to_read(name, content, lambda file: questions(file, no_answer, labelled)) < SECONDS


@given(rows=st.lists(flat | answerable, min_size=1, max_size=3), data=st.data())
def test_questions_in_parquet(rows, data):
    try:
        pq.write_table(pa.Table.from_pylist(rows), stream := io.BytesIO())
    except (pa.ArrowException, UnicodeError, OverflowError):
        assume(False)
    content = data.draw(broken(st.just(stream.getvalue())))
    assert seconds_to_read("t.parquet", content, lambda file: questions(file, True, True)) < SECONDS


def questions(file, no_answer, labelled):
    found = read_questions(file, ("question", "context", "answers"), no_answer, {"repaired": 0}, labelled)
    assert all(each.context.startswith(text, start) for each in found for text, start in each.answers if start >= 0)
