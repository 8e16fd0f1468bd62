"""Questions become a task: no context in two splits, and everything counted."""

import json

import pytest

from tests.tasks.test_prepare import prepared
from tinybert.errors import UserError
from tinybert.questions.prepare import prepare
from tinybert.tables.summary import describe

SPAN = {
    "type": "span",
    "text": ["question", "context"],
    "label": {"column": "answers", "stride": 16},
    "split": {"test": 0.2, "validation": 0.1},
    "metric": "exact_match",
}


def paragraph(context, *questions):
    """A context and its questions, each by id, text and answers; all of these begin at 0, the file says."""
    qas = [
        {"id": identity, "question": text, "answers": [{"text": answer, "answer_start": 0} for answer in answers]}
        for identity, text, answers in questions
    ]
    return {"context": context, "qas": qas}


def about(name, each=3):
    """A paragraph about a place, which is the answer to all its questions."""
    return paragraph(f"{name} is here", *((f"{name} {n}", f"what {n}?", [name]) for n in range(each)))


@pytest.fixture
def run(tmp_path):
    """Prepare files of these lines or paragraphs; returns the summary and the splits."""
    (tmp_path / "source").mkdir()

    def run(files, **changes):
        for name, content in files.items():
            text = content if isinstance(content, str) else json.dumps({"data": [{"paragraphs": content}]})
            (tmp_path / "source" / name).write_text(text)
        return prepared(tmp_path, SPAN | changes, prepare)

    return run


def test_splits_are_drawn_by_context(run):
    files = {"all.json": [about(f"place{n}") for n in range(50)]}
    summary, splits = run(files)
    assert summary["rows"] == {"train": 105, "validation": 15, "test": 30}
    contexts = {name: set(split["text_pair"]) for name, split in splits.items()}
    assert {name: len(found) for name, found in contexts.items()} == {"train": 35, "validation": 5, "test": 10}
    assert len(set.union(*contexts.values())) == 50
    assert list(splits["test"].columns) == ["text", "text_pair", "label", "id"]
    row = splits["test"].iloc[0]
    assert row["text"] == "what 0?"
    assert list(row["label"]) == [{"text": row["text_pair"].split()[0], "start": 0}]
    numbers = [int(name.split()[0].removeprefix("place")) for name in splits["train"]["id"]]
    assert numbers == sorted(numbers)
    again = run(files)[1]
    for name, split in splits.items():
        assert split["id"].tolist() == again[name]["id"].tolist()


def test_files_of_their_own_and_contexts_that_are_in_two(run):
    files = {"train.json": [*(about(f"place{n}") for n in range(20)), about("Both  Sides")]}
    files |= {"dev.json": [about("both sides"), about("other")], "more.json": [about("more")]}
    files |= {"unknown.json": [about("new", each=2)]}
    split = {"train": "train.json", "test": "dev.json", "validation": 0.1}
    split |= {"also_test": {"more": "more.json"}, "unlabelled": {"mine": "unknown.json"}}
    summary, splits = run(files, split=split)
    assert summary["rows"]["test"] == 6
    assert summary["dropped"] == {"answer": 0, "empty": 0, "duplicates": 3}
    assert sum(summary["repeated"][split]["test"] for split in ("train", "validation")) == 3
    assert summary["rows"]["train"] + summary["rows"]["validation"] == 60
    assert summary["also_test"] == {"more": 3}
    assert summary["unlabelled"] == {"mine": {"rows": 2, "labels": None}}
    assert len(splits["test_more"]) == 3
    assert splits["mine"]["id"].tolist() == ["new 0", "new 1"]
    assert summary["span"] == {"stride": 16, "longest_answer": 30, "no_answer": False}
    text = describe(summary)
    assert "0 whose answer is not in the context, 0 without text, 3 repeated in a later split" in text
    assert "to predict for mine: 2 rows" in text


def test_questions_to_score_are_kept_whole_and_those_to_learn_from_are_not(run):
    mended = [
        ("Rome is here", ("both", "what?", ["Paris", "Rome"])),
        ("nothing is there", ("nowhere", "what?", ["Paris"])),
        ("something", ("blank", " ", ["something"])),
    ]
    files = {"train.json": [*map(about, "abc"), *(paragraph(*each) for each in mended)]}
    for name in ("dev", "validation"):
        files[f"{name}.json"] = [paragraph(f"{context} in {name}", question) for context, question in mended]
    split = {"train": "train.json", "test": "dev.json", "validation": "validation.json"}
    summary, splits = run(files, split=split)
    assert summary["rows"] == {"train": 10, "validation": 3, "test": 3}
    assert summary["dropped"] == {"answer": 1, "empty": 1, "duplicates": 0}
    assert splits["train"]["id"].tolist()[-1] == "both"
    for name in ("validation", "test"):
        golds = {row.id: [(each["text"], each["start"]) for each in row.label] for row in splits[name].itertuples()}
        assert golds == {"both": [("Paris", -1), ("Rome", 0)], "nowhere": [("Paris", -1)], "blank": [("something", 0)]}


def test_a_question_that_is_taken_for_its_context(run):
    answers = [{"text": "wet", "answer_start": 0}]
    rows = [{"q": f"what {n}?", "c": f"wet {n}", "answers": answers} for n in range(9)]
    files = {"all.jsonl": "\n".join(map(json.dumps, [*rows, {"q": "", "c": " ", "answers": answers}]))}
    files |= {name: json.dumps(rows[0] | {"q": f"in {name}?"}) for name in ("validation.jsonl", "test.jsonl")}
    split = {"train": "all.jsonl", "validation": "validation.jsonl", "test": "test.jsonl"}
    message = r"left: 9 have no right answer in their context, 1 have no text; is text: \['c', 'q'\] the question"
    with pytest.raises(UserError, match=message):
        run(files, text=["c", "q"], split=split)


def lines(*numbers):
    """JSON lines, a question without an id for each number."""
    answers = [{"text": "wet", "answer_start": 0}]
    rows = [{"id": None, "question": "what?", "context": f"wet {number}", "answers": answers} for number in numbers]
    return "\n".join(map(json.dumps, rows))


def test_numbers_in_place_of_ids_run_on_across_files(run):
    files = {"train.json": [*map(about, "abc")]}
    files |= {"dev-1.jsonl": lines(1, 2), "dev-2.jsonl": lines(3, 4, 5)}
    files |= {"new-1.jsonl": lines(6), "new-2.jsonl": lines(7)}
    split = {"train": "train.json", "test": "dev-*.jsonl", "validation": 0.3, "unlabelled": {"mine": "new-*.jsonl"}}
    _, splits = run(files, split=split)
    assert splits["test"]["id"].tolist() == ["1", "2", "3", "4", "5"]
    assert splits["mine"]["id"].tolist() == ["1", "2"]


@pytest.mark.parametrize("twice", ["test", "more", "mine"])
def test_questions_to_hand_in_have_ids_of_their_own(run, twice):
    files = {"train.json": [*map(about, "abc")]}
    for name in ("test", "more", "mine"):
        files |= {f"{name}-1.json": [about(name)], f"{name}-2.json": [about(name if name == twice else f"{name}s")]}
    split = {"train": "train.json", "test": "test-*.json", "validation": 0.3}
    split |= {"also_test": {"more": "more-*.json"}, "unlabelled": {"mine": "mine-*.json"}}
    with pytest.raises(UserError, match=f"{twice}: several questions have the id '{twice} 0'; give each its own"):
        run(files, split=split)


def test_what_is_said_of_questions(run):
    def made(answered, unanswered):
        wanted = [(name, [name]) for name in answered] + [(name, []) for name in unanswered]
        return [paragraph(f"so {name} it is", (name, "what?", answers)) for name, answers in wanted]

    files = {"train.json": made("ab", "cde"), "validation.json": made("f", "g"), "test.json": made("h", "ij")}
    split = {name: f"{name}.json" for name in ("train", "validation", "test")}
    summary, splits = run(files, split=split, label=SPAN["label"] | {"no_answer": True})
    assert summary["unanswerable"] == {"train": 3, "validation": 1, "test": 2}
    for name, count in summary["unanswerable"].items():
        assert sum(not len(label) for label in splits[name]["label"]) == count
    assert summary["repaired"] == 4
    lines = [line.split() for line in describe(summary).splitlines()]
    assert lines[2] == ["none", "3", "1", "2", "without", "an", "answer"]
    assert " ".join(lines[3]) == "4 answers found elsewhere in their context than their file says"


def test_too_few_contexts_to_split(run):
    with pytest.raises(UserError, match="the train split gets none of the 2 contexts"):
        run({"all.json": [about("one"), about("two")]})
