"""A source's questions → a task of type span: Parquet files, one a split, and no context in two of them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tinybert.errors import UserError
from tinybert.params import defaults
from tinybert.params.tasks import Task
from tinybert.questions.squad import NOWHERE, Question, read_questions
from tinybert.tables.read import find_files
from tinybert.tables.repeated import count_repeated, same_text, separate
from tinybert.tables.splits import SPLITS, UNLABELLED, Splits
from tinybert.tables.summary import write_summary

ANSWERS = pa.list_(pa.struct([("text", pa.string()), ("start", pa.int64())]))
SCHEMA = pa.schema([("text", pa.string()), ("text_pair", pa.string()), ("label", ANSWERS), ("id", pa.string())])


def prepare(source: Path, task: Task, folder: Path) -> dict[str, Any]:
    """Write a task's questions to `folder/{train,validation,test}.parquet`, in the source's order.

    The columns are `text` (the question), `text_pair` (its context, character by character as in the source), `label`
    (all right answers as text and first character in the context, -1 where one does not stand there; none where the
    context has no answer), `id`. What is drawn is drawn by context: all questions on one are in one split, and training
    and validation questions on a context that a test set has too are left out. So are training questions that nothing
    can be learnt from: without text (`empty`), or with right answers of which none stands in the context (`answer`).
    Validation and test have them, so that scores are those of the same file elsewhere.

    Returns:
        The summary, as of other tasks (see `tinybert.tasks.prepare.prepare`), with `unanswerable` questions of each
        split, `repaired` answers, and how contexts are read, `span`: `stride`, `longest_answer`, `no_answer`.

    Raises:
        UserError: a file can't be read (see `read_questions`), there are too few contexts to split, or two questions of
            a test set, labelled or not, have the same id.
    """
    counts = {"answer": 0, "empty": 0, "repaired": 0}
    questions: list[Question] = []
    brought: Splits = {}
    for name, file in (task.split.labelled or {"train": ""}).items():
        first = len(questions)
        questions += _read(source, file, task, counts)
        brought[name] = np.arange(first, len(questions))
    contexts = [(question.context,) for question in questions]
    drawn = _draw([same_text(contexts[row]) for row in brought["train"]], task, source)
    ordered = {name: (brought | drawn)[name] for name in (*SPLITS, *task.split.also_test)}
    ordered["train"] = _trainable(ordered["train"], questions, counts)
    if not len(ordered["train"]):
        why = f"{counts['answer']:,} have no right answer in their context, {counts['empty']:,} have no text"
        advice = f"is text: {task.text} the question and its context, in this order?"
        raise UserError(f"{source}: no training question is left: {why}; {advice}")
    splits, repeated = separate(ordered, contexts)
    for name in ("test", *task.split.also_test):
        _require_own_ids([questions[row] for row in splits[name]], name, source)
    for split, rows in splits.items():
        file = f"{split}.parquet" if split in SPLITS else f"test_{split}.parquet"
        _write([questions[row] for row in rows], folder / file)
    summary: dict[str, Any] = {
        "type": task.type,
        "names": None,
        "pair": True,
        "rows": {split: len(splits[split]) for split in SPLITS},
        "unanswerable": {split: sum(not questions[row].answers for row in splits[split]) for split in SPLITS},
        "classes": None,
        "dropped": {"answer": counts["answer"], "empty": counts["empty"], "duplicates": count_repeated(repeated)},
        "repeated": repeated,
        "repaired": counts["repaired"],
        "conflicting": 0,
        "span": {
            "stride": task.label.stride,
            "longest_answer": task.label.longest_answer or defaults.LONGEST_ANSWER,
            "no_answer": bool(task.label.no_answer),
        },
    }
    if task.split.also_test:
        summary["also_test"] = {name: len(splits[name]) for name in task.split.also_test}
    if task.split.unlabelled:
        (folder / UNLABELLED).mkdir()
        summary[UNLABELLED] = {}
        for name, file in task.split.unlabelled.items():
            found = _read(source, file, task, counts, labelled=False)
            _require_own_ids(found, name, source)
            _write(found, folder / UNLABELLED / f"{name}.parquet")
            summary[UNLABELLED][name] = {"rows": len(found), "labels": None}
    write_summary(summary, folder)
    return summary


def _read(source: Path, file: str, task: Task, counts: dict[str, int], labelled: bool = True) -> list[Question]:
    columns, no_answer = (*task.text, *task.label.read_columns), bool(task.label.no_answer)
    found: list[Question] = []
    for path in find_files(source, file):
        found += read_questions(path, columns, no_answer, counts, labelled, before=len(found))
    return found


def _require_own_ids(questions: list[Question], name: str, source: Path) -> None:
    """Refuse to merge questions in what is handed in, which has answers by id."""
    identity, count = Counter(question.id for question in questions).most_common(1)[0]
    if count > 1:
        found = f"{source}: {name}: several questions have the id {identity[:60]!r}"
        raise UserError(f"{found}; give each its own, since a scorer looks answers up by it")


def _draw(contexts: list[tuple[str, ...]], task: Task, source: Path) -> Splits:
    """Training, validation and test rows by the places of their contexts: whole contexts, until the share is reached.

    Args:
        contexts: of the training rows, equal for equal ones.
    """
    of_context: dict[tuple[str, ...], list[int]] = {}
    for row, context in enumerate(contexts):
        of_context.setdefault(context, []).append(row)
    groups = list(of_context.values())
    order = np.random.default_rng(task.split.seed).permutation(len(groups)).tolist()
    splits: Splits = {}
    for name in ("test", "validation"):
        share, rows = task.split.fraction(name), list[int]()
        while share and order and len(rows) < share * len(contexts):
            rows += groups[order.pop()]
        if share:
            splits[name] = np.sort(np.array(rows, dtype=np.int64))
    splits["train"] = np.sort(np.array([row for group in order for row in groups[group]], dtype=np.int64))
    for name, drawn in splits.items():
        if not len(drawn):
            found = f"{source}: the {name} split gets none of the {len(groups)} contexts"
            raise UserError(f"{found}; add some, or change split.test and split.validation")
    return splits


def _trainable(rows: np.ndarray, questions: list[Question], counts: dict[str, int]) -> np.ndarray:
    """The training rows that can be learnt from; the others are counted."""
    kept = []
    for row in rows.tolist():
        question = questions[row]
        if not question.question or not question.context.strip():
            counts["empty"] += 1
        elif question.answers and all(answer.start == NOWHERE for answer in question.answers):
            counts["answer"] += 1
        else:
            kept.append(row)
    return np.array(kept, dtype=np.int64)


def _write(questions: list[Question], file: Path) -> None:
    ids, texts, contexts, answers = zip(*questions, strict=True)
    labels = [[answer._asdict() for answer in each] for each in answers]
    pq.write_table(pa.table([texts, contexts, labels, ids], schema=SCHEMA), file, compression="zstd")
