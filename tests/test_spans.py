"""Questions on contexts, from SQuAD's files to a student's numbers, with answers always there and with some without."""

from __future__ import annotations

import json
from functools import partial

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForQuestionAnswering

from tests.evaluate.made_up import measure
from tests.tasks.test_prepare import ENTRY
from tests.test_tasks import GENERAL, OPTIMISATION
from tests.tiny import BAD, GOOD, PLAIN, one_student, tiny_bert, tiny_job
from tinybert.augment.dataset import augment
from tinybert.distill.general import distill_general_student
from tinybert.distill.phase import distill_phase, load_student
from tinybert.errors import UserError
from tinybert.metrics.scores import score
from tinybert.params.general import General
from tinybert.params.students import Phase, Student
from tinybert.params.tasks import Task, Teacher
from tinybert.questions.prepare import prepare
from tinybert.report.cards import render_card
from tinybert.report.gather import gather
from tinybert.report.page import render_page
from tinybert.tokens.encoding import ORIGINAL
from tinybert.train.masked_lm import adapt_masked_lm
from tinybert.train.teacher import finetune_teacher

SPLIT = {"train": "train.json", "test": "dev.json", "validation": 0.1}
SPLIT["unlabelled"] = {"mine": "mine.json", "dev": "dev.json"}
TEACHER = {"from": "bert", **OPTIMISATION, "epochs": 2}
LAYERS = {"data": "augmented", "epochs": 1, "losses": {"hidden": 1.0, "attention": 1.0}, **OPTIMISATION}
PREDICTION = {"data": "original", "epochs": 2, "losses": {"logits": 1.0, "labels": 1.0}, **OPTIMISATION}
STUDENT = {"task": "task", "general": "small", "intermediate": LAYERS, "prediction": PREDICTION, "export": {}}


def squad(random, contexts, no_answer):
    """A file of SQuAD's: the answer to every question is the one good word of its context; some have none.

    Some contexts are longer than a window.
    """
    paragraphs = []
    for number in range(contexts):
        words = random.choice([*PLAIN[:8], *BAD], 25 if number % 4 == 0 else 6).tolist()
        answer, answered = str(random.choice(GOOD)), not no_answer or random.integers(2) == 1
        if answered:
            words.insert(int(random.integers(len(words))), answer)
        context = " ".join(words)
        answers = [{"text": answer, "answer_start": context.index(answer)}] if answered else []
        questions = [
            {"id": f"{number}-{place}-{random.integers(10**9)}", "question": f"was {place} {random.choice(PLAIN)}"}
            | {"answers": answers, **({"is_impossible": not answered} if no_answer else {})}
            for place in ("london", "paris")
        ]
        paragraphs.append({"context": context, "qas": questions})
    return {"version": "1.1", "data": [{"title": "weather", "paragraphs": paragraphs}]}


@pytest.mark.slow
@pytest.mark.parametrize("no_answer", [False, True], ids=["SQuAD 1.1", "SQuAD 2.0"])
def test_the_whole_chain(tmp_path, monkeypatch, quick_measures, no_answer):
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    data, own = tmp_path / "data/original/task", tmp_path / "evaluation/made-up"
    for folder in (data, *(tmp_path / name for name in ("source", "corpus", "vectors", "augmented"))):
        folder.mkdir(parents=True)
    for name, contexts in (("train", 120), ("dev", 20), ("mine", 3)):
        content = squad(random, contexts, no_answer)
        (tmp_path / f"source/{name}.json").write_text(json.dumps(content))
    task = Task.model_validate(
        ENTRY
        | {
            "type": "span",
            "text": ["question", "context"],
            "label": {"column": "answers", "stride": 6, "longest_answer": 2, "no_answer": no_answer},
            "split": SPLIT,
            "metric": "span_f1",
            "max_length": 30,
            "teacher": TEACHER,
            "mlm": {"from": "bert", "corpus": "c", "steps": 0, "learning_rate": 1e-3},
            "augment": {"copies": 2, "candidates": 3, "vectors": "v"},
            "export": {},
        }
    )
    facts = prepare(tmp_path / "source", task, data)
    metric = partial(score, "span_f1")
    train = data / "train.parquet"

    def job(name):
        folder = tmp_path / name
        folder.mkdir()
        made = tiny_job(folder, tmp_path / f"curves/{name}")
        return type(made)(made.stage, made.run, task.max_length, made.folder, made.curves)

    bert = tiny_bert(tmp_path / "bert", head=True)
    finetune_teacher(Teacher.model_validate(TEACHER), bert, data, None, metric, job("teacher"), span=facts["span"])
    assert_taken_as_it_is(tmp_path, data, facts, metric, job("same"))
    adapt_masked_lm(task.mlm, bert, tmp_path / "corpus", train, job("mlm"))
    words = [*GOOD, *BAD, *PLAIN]
    np.save(tmp_path / "vectors/vectors.npy", random.normal(size=(len(words), 8)).astype(np.float32))
    pq.write_table(pa.table({"word": words}), tmp_path / "vectors/words.parquet")
    augment(train, [], tmp_path / "mlm", tmp_path / "vectors", tmp_path / "augmented", task.augment, 1, "fp32", 30)
    assert_questions_alone_vary(pd.read_parquet(train), pd.read_parquet(tmp_path / "augmented/train.parquet"))

    distill_general_student(General.model_validate(GENERAL), tmp_path / "corpus", bert, job("general"), bert)
    augmented = tmp_path / "augmented/train.parquet"
    distill_phase(Phase.model_validate(LAYERS), tmp_path / "general", tmp_path / "teacher", augmented, job("layers"))
    start = load_student(tmp_path / "general", tmp_path / "teacher", seed=1).state_dict()
    after = load_file(tmp_path / "layers/model.safetensors")
    assert all(torch.equal(start[name], after[name]) for name in ("qa_outputs.weight", "qa_outputs.bias"))
    validation = (data / "validation.parquet", metric)
    distill_phase(
        Phase.model_validate(PREDICTION), tmp_path / "layers", tmp_path / "teacher", train, job("student"), validation
    )
    assert len(list((tmp_path / ".cache/logits").iterdir())) == 1
    student = Student.model_validate(STUDENT)
    result = measure(own, "s", student, task, tmp_path / "teacher", tmp_path / "student", data)
    assert list(result.student.metrics) == ["span_f1", "exact_match"]
    assert min(result.teacher.score, result.student.score) > 0.75
    model = AutoModelForQuestionAnswering.from_pretrained(tmp_path / "student")
    assert model.config.span["stride"] == 6
    assert ("threshold" in model.config.span) is no_answer
    table = pd.read_parquet(own / "gathered/s" / "test.parquet")
    unanswerable = np.array([not len(label) for label in table["label"]])
    assert bool(unanswerable.any()) is no_answer
    if no_answer:
        assert (
            (table["student"][unanswerable] == "").mean() > 0.6 > 0.4 > (table["student"][~unanswerable] == "").mean()
        )
    mine = json.loads((own / "gathered/s" / "submission/mine.json").read_text())
    assert len(mine) == 6
    submitted = json.loads((own / "gathered/s" / "submission/dev.json").read_text())
    golds = {
        question["id"]: question["answers"][0]["text"] if question["answers"] else ""
        for paragraph in json.loads((tmp_path / "source/dev.json").read_text())["data"][0]["paragraphs"]
        for question in paragraph["qas"]
    }
    right = np.mean([submitted[key] == gold for key, gold in golds.items()])  # as anybody's scorer finds
    assert right == pytest.approx(result.student.metrics["exact_match"])
    made = one_student(task, GENERAL, STUDENT)
    (evidence,) = gather(made, own)
    page = render_page(made, [evidence])
    assert ("the teacher is better by most" in page) is bool((table["teacher"] != table["student"]).any())
    assert "AutoModelForQuestionAnswering" in render_card(evidence)


def assert_taken_as_it_is(folder, data, facts, metric, job):
    """A teacher that is fine-tuned already is passed through, and one without a head is refused."""
    settings = Teacher.model_validate(TEACHER | {"epochs": 0})
    finetune_teacher(settings, folder / "teacher", data, None, metric, job, span=facts["span"])
    for file in ("model.safetensors", "config.json"):
        assert (folder / "same" / file).read_bytes() == (folder / "teacher" / file).read_bytes()
    with pytest.raises(UserError, match="this checkpoint has no question-answering head"):
        finetune_teacher(settings, folder / "bert", data, None, metric, job, span=facts["span"])


def assert_questions_alone_vary(rows, augmented):
    assert len(augmented) > 1.5 * len(rows)
    pd.testing.assert_frame_equal(augmented[: len(rows)].drop(columns=ORIGINAL), rows)
    by_id = rows.set_index("id")
    for row in augmented[len(rows) :].itertuples():
        original = by_id.loc[row.id]
        assert row.text != original.text
        assert row.text_pair == original.text_pair
        assert list(row.label) == list(original.label)
