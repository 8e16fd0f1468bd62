"""A task's rows from odd tables with odd labels, questions from odd SQuAD files: made, or refused in one line."""

import gzip
import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.fuzz.files import broken, ends_well, reads, texts
from tests.fuzz.test_tables import DELIMITED, files, values
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


@st.composite
def tasks(draw):
    """A task whose entry is sound; what its label says may not be so of its table."""
    kind, label = draw(st.sampled_from([*METRIC])), draw(specs)
    if draw(st.integers(0, 3)):  # mostly keys that go with each other
        keep = {"classification": [{"threshold", "softness", "names"}, {"names", "values"}, {"names"}, set()]}
        keep |= {
            "multilabel": [{"columns", "names"}, {"separator", "names", "values"}, {"separator"}, {"names"}, set()]
        }
        chosen = draw(st.sampled_from(keep.get(kind, [set()]))) | {"drop"}
        label = {key: value for key, value in label.items() if key in chosen}
        label |= {} if "columns" in label else {"column": draw(st.sampled_from(["label", "label", "tags"]))}
        if "threshold" in label:
            label |= {"names": ["bad", "good"]}
    entry = ENTRY | {
        "type": kind,
        "metric": METRIC[kind],
        "label": label,
        "text": draw(st.sampled_from([["text"], ["text", "id"]])),
    }
    split = {"test": 0.2, "validation": draw(st.floats(0.01, 0.9)), "broken": draw(st.sampled_from(["refuse", "skip"]))}
    try:
        return Task.model_validate(entry | {"split": split})
    except ValidationError:
        assume(False)


cells = (
    st.sampled_from(
        [
            "0",
            "1",
            "2",
            "0.5",
            "-1e3",
            "good",
            "bad",
            "",
            "a|b",
            "b",
            '["a"]',
            "[1, 0]",
            '["a", "b"]',
            "NaN",
            "true",
            "007",
        ]
    )
    | texts
)


@st.composite
def tables(draw):
    """Rows enough for three splits, of few labels, or any other table."""
    few = draw(st.lists(cells, min_size=1, max_size=3))
    rows = [
        {
            "text": f"{draw(texts)} {number}",
            "label": draw(st.sampled_from(few)),
            "tags": draw(st.sampled_from(few)),
            "id": number % 2,
        }
        for number in range(draw(st.integers(1, 40)))
    ]
    if draw(st.booleans()):
        rows = [row | {"label": draw(values)} for row in rows[:5]] + rows[5:]
    return "t.jsonl", "\n".join(map(json.dumps, rows)).encode()


@given(tasks(), tables() | files())
@example(Task.model_validate(ENTRY), ("t.csv", b"text,label\n" + b"a,1\nb,0\n" * 9))
def test_tasks(task, file):
    name, content = file
    with TemporaryDirectory() as folder:
        source, made = Path(folder, "source"), Path(folder, "made")
        source.mkdir()
        made.mkdir()
        (source / name).write_bytes(content)
        ends_well(lambda: prepare(source, task, made))


MULTILABEL = ENTRY | {"type": "multilabel", "metric": "f1_micro"}


@pytest.mark.parametrize("cell", ["[" * 100_000, "9" * 100_000 + "x", "[" + "9" * 5000 + "]"])
@pytest.mark.parametrize("entry", [ENTRY, MULTILABEL, ENTRY | {"type": "regression", "metric": "pearson"}])
def test_cells_that_take_long(cell, entry, tmp_path):
    (tmp_path / "source").mkdir()
    rows = [json.dumps({"text": f"text {number}", "label": cell}) for number in range(20)]
    (tmp_path / "source/t.jsonl").write_text("\n".join(rows))
    (tmp_path / "made").mkdir()
    ends_well(lambda: prepare(tmp_path / "source", Task.model_validate(entry), tmp_path / "made"))


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
squad = st.one_of(
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
    reads(name, content, lambda file: questions(file, no_answer, labelled))


@given(files().filter(lambda file: not file[0].startswith(DELIMITED)))
def test_questions_in_tables(file):
    reads(*file, lambda path: questions(path, True, True))


def questions(file, no_answer, labelled):
    found = read_questions(file, ("question", "context", "answers"), no_answer, {"repaired": 0}, labelled)
    assert all(each.context.startswith(text, start) for each in found for text, start in each.answers if start >= 0)
