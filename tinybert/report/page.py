"""The page reports/index.html: one file, to be opened anywhere, for years."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup, escape

from tinybert.evaluate.gathered import AUGMENTATION, TASK
from tinybert.evaluate.predictions import TEXTS, apart, confusion, disagreements
from tinybert.evaluate.schema import BASE, TEACHER
from tinybert.params.experiment import Experiment
from tinybert.report import figures
from tinybert.report.advice import advice
from tinybert.report.deployables import FORMS
from tinybert.report.deployed_table import Row, deployed_rows
from tinybert.report.differences import Trained
from tinybert.report.gather import Evidence
from tinybert.report.headline import headline, sentence
from tinybert.report.loss_curves import panels, read_curve
from tinybert.report.rendering import environment, points, quantity
from tinybert.report.variants import variant_tables
from tinybert.running.lineage import FILLED, KEPT_ANSWERS
from tinybert.tables.summary import kept, left_out

MOST_CLASSES = 12
"""Classes above which a confusion matrix is no longer something to look at."""
MOST_LABELS = 30
"""Labels of a multilabel task that the page lists one by one."""
SHORT = {FORMS["torch"]: "PyTorch", FORMS["onnx"]: "ONNX", FORMS["int8"]: "int8"}
MOST_POINTS = 400
EXAMPLES = 10
MODELS = ("teacher", "student")


def render_page(experiment: Experiment, students: list[Evidence]) -> str:
    """The whole page, with no reference to anything outside it. A phase that was passed through has no curve."""
    tasks: dict[str, list[Evidence]] = {}
    for student in students:
        tasks.setdefault(student.result.task, []).append(student)
    tables = variant_tables(
        {student.name: student.result for student in students},
        {student.name: student.times.batch1.times_faster for student in students},
        {student.name: Trained(student.settings.general, student.answers) for student in students},
    )
    general = {student.settings.general: student.folder / "curves/general/losses.csv" for student in students}
    page = environment(escape=True).get_template("page.html.j2")
    return page.render(
        experiment=experiment,
        headline=headline(students),
        teacher=TEACHER,
        sentence=sentence(students),
        tables=tables,
        tasks={task: _task(of_task) for task, of_task in tasks.items()},
        general={name: _panels(file) for name, file in general.items()},
    )


def _task(students: list[Evidence]) -> dict[str, Any]:
    """What the page says of a task and its students. What is the task's is in the folder of each, of its augmentation
    in those of the students that learn from it."""
    first, folder = students[0], students[0].folder
    augmented = next((each.folder for each in students if (each.folder / AUGMENTATION).exists()), folder)
    shown = headline(students) or first
    rows = deployed_rows(
        {each.name: each.result for each in students}, {each.name: each.speed for each in students}, shown.name
    )
    metric, models = first.result.metric, [first.result.teacher, *(each.result.student for each in students)]
    sizes = [figures.Point(str(number or "T"), number, model.parameters, model) for number, model in enumerate(models)]
    files = [folder / "curves/teacher", *(each.folder / "curves/prediction" for each in students)]
    validation = {number: read_curve(file / "validation.csv") for number, file in enumerate(files)}
    validation = {number: curve for number, curve in validation.items() if not curve.empty}
    return {
        "students": [vars(each) | {"result": each.result, "times": each.times} | _shown(each) for each in students],
        "advice": advice(shown.result, shown.choice),
        "taken": shown.choice.taken,
        "deployed": rows,
        "by_pace": _by_pace(rows, metric),
        "data": _data(folder / TASK, first.lineage),
        "by_size": figures.scatter(sizes, "parameters", metric, quantity),
        "validation": figures.epochs(validation, metric) if validation else None,
        "teacher": _panels(folder / "curves/teacher/losses.csv"),
        "mlm": _panels(augmented / "curves/mlm/losses.csv"),
        "masked_accuracy": masked_accuracy(augmented / "curves/mlm/validation.csv"),
        "augmentation": _augmentation(augmented / AUGMENTATION),
        "kept_answers": next(
            (each.lineage["facts"][KEPT_ANSWERS] for each in students if KEPT_ANSWERS in each.lineage["facts"]), None
        ),
    }


def _by_pace(rows: list[Row], metric: str) -> Markup:
    """The first picture: what one gets for what one pays."""
    points = [
        figures.Point(badge, colour, model.pace, model.scored, SHORT.get(model.form, ""))
        for model, badge, colour in rows
        if model.scored
    ]
    (base,) = (row.model.pace for row in rows if row.model.key == BASE)
    return figures.scatter(points, "texts a second and core", metric, "{:g}".format, ("BERT-base", base), width=9.2)


def _data(file: Path, lineage: Mapping[str, Any]) -> dict[str, list[str]]:
    """What the task's rows are without, and what is odd among them.

    Args:
        lineage: of a student, which has its teacher's in it.
    """
    summary = json.loads(file.read_text(encoding="utf-8"))
    teacher = lineage.get("inputs", {}).get("teacher", {}).get("lineage", {})
    filled = teacher.get("facts", {}).get(FILLED, 0)
    cut = [f"{filled:,} texts of training that fill max_length and may be cut there"] if filled else []
    return {
        "left out": [line for line in left_out(summary) if not line.startswith("0 ")],
        "kept": kept(summary) + cut,
    }


def masked_accuracy(file: Path) -> str:
    """How many of the held-out masked tokens the masked language model finds, in a sentence; "" without its curve."""
    curve = read_curve(file)
    if curve.empty:
        return ""
    before, after = (f"{100 * accuracy:.1f} %" for accuracy in curve["accuracy"].iloc[[0, -1]])
    text = f"The masked language model finds {after} of the masked tokens of held-out task text"
    return f"{text}, against {before} before its training." if len(curve) > 1 else f"{text}."


def _shown(student: Evidence) -> dict[str, Any]:
    """What the page makes of a student's answers and curves; what its type of task has not is None."""
    table, names, kind = student.answers, student.result.names or [], student.type
    few = kind == "classification" and len(names) <= MOST_CLASSES
    head = table.head(MOST_POINTS)
    return {
        "phases": {
            phase: _panels(student.folder / "curves" / phase / "losses.csv") for phase in ("intermediate", "prediction")
        },
        "confusion": {model: confusion(table, model, len(names)) for model in MODELS} if few else None,
        "labels": _labels(student) if kind == "multilabel" else None,
        "fit": figures.plain_scatter(head["label"], head["student"]) if kind == "regression" else None,
        "apart": int(apart(table).sum()),
        "disagreements": [
            [" ⏎ ".join(row[column] for column in TEXTS if column in row)]
            + [_answer(row, who, names) for who in ("label", *MODELS)]
            for row in disagreements(table, EXAMPLES).to_dict("records")
        ],
    }


def _labels(student: Evidence) -> list[list[str]]:
    """Each label of a multilabel task, its rows, and the F1 of both models; the most frequent ones."""
    true, *both = (np.stack(student.answers[column].tolist()).astype(int) for column in ("label", *MODELS))
    rows = true.sum(axis=0)
    f1 = [2 * (true * said).sum(axis=0) / np.maximum(1, rows + said.sum(axis=0)) for said in both]
    names = student.result.names or []
    return [
        [names[label], f"{rows[label]:,}", *(points(of[label]) for of in f1)]
        for label in np.argsort(-rows, kind="stable")[:MOST_LABELS]
    ]


def _answer(row: Mapping[Any, Any], who: str, names: list[str]) -> str:
    """`positive 98 %`, a number for regression, all labels for multilabel, texts for span."""
    if "teacher_f1" in row:
        return " / ".join(dict.fromkeys([row[who]] if who != "label" else row[who])) or "no answer"
    if "teacher_probabilities" not in row:
        return f"{row[who]:.2f}"
    if np.ndim(row[who]):
        return ", ".join(names[index] for index in np.flatnonzero(row[who])) or "none"
    confidence = f" {100 * max(row[f'{who}_probabilities']):.0f} %" if who != "label" else ""
    return names[int(row[who])] + confidence


def _panels(file: Path) -> dict[str, Markup]:
    return {title: figures.lines(series, title) for title, series in panels(file).items()}


def _augmentation(file: Path) -> dict[str, Any] | None:
    """Counts and examples of the augmentation's report, what changed in a variant marked."""
    if not file.exists():
        return None
    report = json.loads(file.read_text(encoding="utf-8"))
    examples = [
        (example["original"], [list(map(_marked, example["original"], variant)) for variant in example["variants"]])
        for example in report["examples"]
        if example["variants"]
    ]
    return {"counts": report["counts"], "examples": examples[:EXAMPLES]}


def _marked(before: str, after: str) -> Markup:
    """`after`, escaped, with the words that `before` has not in `<mark>`."""
    words, changed = before.split(), after.split()
    pieces = []
    for operation, _, _, start, end in difflib.SequenceMatcher(None, words, changed, autojunk=False).get_opcodes():
        text = escape(" ".join(changed[start:end]))
        if text:
            pieces.append(text if operation == "equal" else Markup("<mark>{}</mark>").format(text))
    return Markup(" ").join(pieces)
