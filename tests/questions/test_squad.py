"""Questions from the files that people have: SQuAD's JSON, the hub's Parquet, JSON lines."""

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tinybert.errors import UserError
from tinybert.questions.squad import Answer, read_questions

CONTEXT = "Paris is wet.\tIn Paris, it rains."
COLUMNS = ("question", "context", "answers")


def squad(*questions, context=CONTEXT):
    return json.dumps({"data": [{"title": "t", "paragraphs": [{"context": context, "qas": questions}]}]})


def question(answers, identity="q1", **more):
    return {"id": identity, "question": "Where does\nit  rain?", "answers": answers} | more


def answer(text, start):
    return {"text": text, "answer_start": start}


@pytest.fixture
def read(tmp_path):
    """The questions of a file with this content, and what was counted."""

    def read(content, name="train.json", no_answer=False, labelled=True):
        file = tmp_path / name
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        counts = {"repaired": 0}
        return read_questions(file, COLUMNS, no_answer, counts, labelled), counts

    return read


def test_squads_own_json(read):
    one, two = question([answer("Paris", 17), answer("In Paris", 14)]), question([answer("wet", 9)], "q2")
    found, counts = read("\ufeff" + squad(one, two))
    assert [each.id for each in found] == ["q1", "q2"]
    assert found[0].question == "Where does it rain?"
    assert found[0].context == CONTEXT
    assert found[0].answers == [Answer("Paris", 17), Answer("In Paris", 14)]
    assert not any(counts.values())


def test_no_answer(read):
    impossible = question([], "q2", is_impossible=True, plausible_answers=[answer("wet", 9)])
    found, _ = read(squad(question([answer("wet", 9)]), impossible), no_answer=True)
    assert [len(each.answers) for each in found] == [1, 0]
    with pytest.raises(UserError, match=r"question q2: it has no answer; set label.no_answer: true"):
        read(squad(impossible))


@pytest.mark.parametrize("start", [-1, 0])
def test_an_answer_without_text_is_none(read, start):
    flat = {"id": "q1", "context": CONTEXT, "question": "what?", "answers": {"text": [""], "answer_start": [start]}}
    for content in (json.dumps(flat), squad(question([answer("", start), answer(" ", start)]))):
        found, counts = read(content, no_answer=True)
        assert found[0].answers == []
        assert counts == {"repaired": 0}
    found, _ = read(squad(question([answer("", start), answer("wet", 9)])))
    assert found[0].answers == [Answer("", -1), Answer("wet", 9)]  # SQuAD 1.1 counts it


def test_the_hubs_parquet_and_json_lines(read, tmp_path):
    rows = [
        {"id": "a", "title": "t", "context": CONTEXT, "question": "where?"}
        | {"answers": {"text": ["Paris"], "answer_start": [17]}},
        {"id": "b", "title": "t", "context": CONTEXT, "question": "what?", "answers": {"text": [], "answer_start": []}},
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "made.parquet")
    of_parquet, _ = read((tmp_path / "made.parquet").read_bytes(), "train.parquet", no_answer=True)
    assert [(each.id, each.answers) for each in of_parquet] == [("a", [Answer("Paris", 17)]), ("b", [])]
    lines = "\r\n".join(json.dumps(row) for row in rows)
    assert read(lines, "train.jsonl", no_answer=True)[0] == of_parquet
    assert read(lines, "train.json", no_answer=True)[0] == of_parquet
    assert read(gzip.compress(lines.encode()), "train.jsonl.gz", no_answer=True)[0] == of_parquet
    assert read(json.dumps(rows[0]), "train.json")[0] == of_parquet[:1]


def test_answers_that_stand_elsewhere(read):
    questions = [
        question([answer("Paris", 16)], "near the second"),
        question([answer(" wet.", 8)], "with a space"),
        question([answer("Rome", 0), answer("wet", 9)], "one of two"),
        question([answer("Rome", 0)], "nowhere"),
        question([answer("wet", 9)], "no question") | {"question": " "},
    ]
    found, counts = read(squad(*questions))
    assert {each.id: each.answers for each in found} == {
        "near the second": [Answer("Paris", 17)],
        "with a space": [Answer("wet.", 9)],
        "one of two": [Answer("Rome", -1), Answer("wet", 9)],
        "nowhere": [Answer("Rome", -1)],
        "no question": [Answer("wet", 9)],
    }
    assert counts == {"repaired": 1}


def test_a_question_without_an_id_has_its_number(read):
    found, _ = read(squad(question([answer("wet", 9)], None), question([answer("wet", 9)], "b")))
    assert [each.id for each in found] == ["1", "b"]
    row = {"question": "what?", "context": CONTEXT, "answers": [answer("wet", 9)]}
    rows = [row | {"id": "a"}, row, row | {"id": None}, row | {"id": 0}]
    assert [each.id for each in read("\n".join(map(json.dumps, rows)), "train.jsonl")[0]] == ["a", "2", "3", "0"]
    with pytest.raises(UserError, match=r"train.json: question 2: it has no answer"):
        read(squad(question([answer("wet", 9)], None), question([], None)))


def test_without_labels_every_question_stays(read):
    found, counts = read(squad({"id": 7, "question": ""}, {"id": 8, "question": "what?"}), labelled=False)
    assert [(each.id, each.answers) for each in found] == [("7", []), ("8", [])]
    assert not any(counts.values())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"data": [', "train.json: line 1: not JSON"),
        ('{"data": [\n {"paragraphs": ]}', "train.json: line 2: not JSON"),
        ('{"rows": []}', "train.json: expected 'data', as SQuAD's files have it, found the keys \\['rows'\\]"),
        ('{"data": [{"title": "t"}]}', "train.json: article 1: expected 'paragraphs'"),
        ('{"data": []}', "train.json: expected questions, found none"),
        (squad({"id": "q1", "question": "x"}), "train.json: question q1: expected 'answers'"),
        (squad(question([{"text": "wet"}])), "question q1: answers: expected a text and a whole answer_start"),
        (squad(question({"text": ["wet"], "answer_start": [1, 2]})), "answers: expected as many text as answer_start"),
        (squad(question("wet")), "question q1: answers: expected as many text as answer_start, found 'wet'"),
        (squad(question([answer("wet", 9)]), context=None), "question q1: context: expected text, found None"),
        (squad(question([answer("wet", 9)]), context="\ud83d wet"), r"q1: '\\ud83d' is half of a character"),
        (squad(question([]) | {"question": "\ud800?"}), r"question q1: '\\ud800' is half of a character"),
        (squad(question([answer("wet\udc00", 9)])), r"question q1: '\\udc00' is half of a character"),
        (squad(question([], "q\ud800")), r"'\\ud800' is half of a character"),
        (squad(question([], "q\n1")), r"question q\\n1: it has no answer"),
        ('{"data": ' + "[" * 500 + "]" * 500 + "}", "expected 'paragraphs', as SQuAD's files have it"),
    ],
)
def test_mistakes_are_named(read, content, message):
    with pytest.raises(UserError, match=message) as error:
        read(content)
    assert "\n" not in str(error.value)
    assert len(str(error.value).encode()) < 400


def test_a_file_of_another_kind_is_refused(read):
    with pytest.raises(UserError, match=r"expected questions in a file that ends in .json, .jsonl"):
        read("id,question", "train.csv")
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"id": ["a"], "question": ["b"], "contexts": ["c"]}), sink)
    with pytest.raises(UserError, match="there is no column 'context'"):
        read(sink.getvalue().to_pybytes(), "train.parquet")
    with pytest.raises(UserError, match="not a Parquet file"):
        read("x" * 20, "train.parquet")
