"""The page reports/index.html: one file, to be opened anywhere, for years."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup, escape

from tinybert.evaluate.gathered import AUGMENTATION, TASK
from tinybert.evaluate.predictions import TEXTS, apart, confusion, disagreements, label_counts
from tinybert.evaluate.schema import BASE, STUDENT
from tinybert.params.experiment import Experiment
from tinybert.params.tasks import METRICS
from tinybert.report import figures
from tinybert.report.differences import Trained
from tinybert.report.gather import Evidence
from tinybert.report.headline import headline, quantity, ratio, sentence
from tinybert.report.loss_curves import Line, panels, read_curve
from tinybert.report.rendering import environment
from tinybert.report.variants import tenths, variant_tables
from tinybert.running.lineage import FILLED
from tinybert.tables.summary import kept, left_out

MOST_CLASSES = 12
"""Classes above which a confusion matrix is no longer something to look at."""
MOST_LABELS = 30
"""Labels of a multilabel task that the page lists one by one."""
EXAMPLES = 8
PHASES = ("intermediate", "prediction")


def render_page(experiment: Experiment, students: list[Evidence]) -> str:
    """The whole page, with no reference to anything outside it. A phase that was passed through has no curve."""
    page = environment(escape=True)
    page.filters |= {"tenths": tenths, "ratio": ratio, "times": lambda value: f"{ratio(value)}×"}
    tasks = list(dict.fromkeys(student.result.task for student in students))
    general = {student.settings.general: student.folder / "curves/general/losses.csv" for student in students}
    faster = {student.name: student.speed.models[STUDENT].batch1.times_faster for student in students}
    return page.get_template("page.html.j2").render(
        name=experiment.name,
        seed=experiment.seed,
        headline=headline(students),
        sentence=sentence(students),
        tables=variant_tables(
            {student.name: student.result for student in students},
            faster,
            {student.name: Trained(student.settings.general, student.answers) for student in students},
        ),
        tasks=[_task(task, [each for each in students if each.result.task == task]) for task in tasks],
        general=[{"name": key, "panels": _panels(file)} for key, file in general.items()],
    )


def _task(task: str, students: list[Evidence]) -> dict[str, Any]:
    """What the page says of a task and its students. What is the task's is in the folder of each, of its augmentation
    in those of the students that learn from it."""
    result, folder, models = students[0].result, students[0].folder, students[0].speed.models
    augmented = next((each.folder for each in students if (each.folder / AUGMENTATION).exists()), folder)
    ratios = [each.speed.models[STUDENT].batch1.times_faster for each in students]
    return {
        "name": task,
        "result": result,
        "speed": students[0].speed,
        "data": _data(folder / TASK, students[0].lineage),
        "students": [_student(index, each) for index, each in enumerate(students)],
        "by_size": _against(
            students,
            "parameters",
            [result.teacher.parameters, *(each.result.student.parameters for each in students)],
            quantity,
        ),
        "by_speed": _against(
            students,
            "times as fast as the teacher, text by text",
            [1.0, *ratios],
            lambda value: f"{value:g}",
            mark=("BERT-base", models[BASE].batch1.times_faster),
        ),
        "validation": _validation(students),
        "teacher": _panels(folder / "curves/teacher/losses.csv"),
        "mlm": _panels(augmented / "curves/mlm/losses.csv"),
        "masked_accuracy": masked_accuracy(augmented / "curves/mlm/validation.csv"),
        "augmentation": _augmentation(augmented / AUGMENTATION),
    }


def _data(file: Path, lineage: Mapping[str, Any]) -> dict[str, list[str]]:
    """What the task's rows are without, and what is odd among them.

    Args:
        lineage: of a student, which has its teacher's in it.
    """
    summary = json.loads(file.read_text(encoding="utf-8"))
    something = [line for line in left_out(summary) if not line.startswith("0 ")]
    teacher = lineage.get("inputs", {}).get("teacher", {}).get("lineage", {})
    filled = teacher.get("facts", {}).get(FILLED, 0)
    cut = [f"{filled:,} texts of training that fill max_length and may be cut there"] if filled else []
    return {"left out": something, "kept": kept(summary) + cut}


def masked_accuracy(file: Path) -> str:
    """How many of the held-out masked tokens the masked language model finds, in a sentence; "" without its curve."""
    curve = read_curve(file)
    if curve.empty:
        return ""
    before, after = (f"{100 * accuracy:.1f} %" for accuracy in curve["accuracy"].iloc[[0, -1]])
    text = f"The masked language model finds {after} of the masked tokens of held-out task text"
    return f"{text}, against {before} before its training." if len(curve) > 1 else f"{text}."


def _student(index: int, student: Evidence) -> dict[str, Any]:
    table, names = student.answers, student.result.names
    shown = disagreements(table, EXAMPLES)
    multilabel, span = (student.result.metric in METRICS[kind] for kind in ("multilabel", "span"))
    return {
        "index": index,
        "name": student.name,
        "result": student.result,
        "times": student.speed.models[STUDENT],
        "distilled": student.distilled,
        "phases": [
            {"title": phase, "panels": _panels(student.folder / "curves" / phase / "losses.csv")} for phase in PHASES
        ],
        "attention": student.attention,
        "lineage": student.lineage,
        "confusion": {model: confusion(table, model, len(names)) for model in ("teacher", "student")}
        if names is not None and len(names) <= MOST_CLASSES and not multilabel
        else None,
        "labels": _labels(table, names) if names is not None and multilabel else None,
        "fit": None
        if names is not None or span
        else figures.plain_scatter(
            table["label"].head(400).tolist(), table["student"].head(400).tolist(), "label", "student"
        ),
        "answers": names is not None or span,
        "span": span,
        "apart": int(apart(table).sum()),
        "disagreements": [
            {"texts": [row[column] for column in TEXTS if column in row]}
            | {who: _answer(row, who, names) for who in ("label", "teacher", "student")}
            for row in shown.to_dict("records")
        ],
    }


def _labels(table: pd.DataFrame, names: list[str]) -> list[dict[str, Any]]:
    """How each label of a multilabel task fares: its rows, and the F1 of both models; the most frequent ones."""
    counts = {model: label_counts(table, model) for model in ("teacher", "student")}
    rows: list[dict[str, Any]] = [
        {"name": name, "rows": counts["teacher"][index]["rows"]}
        | {
            model: 2 * of[index]["right"] / max(1, of[index]["rows"] + of[index]["answers"])
            for model, of in counts.items()
        }
        for index, name in enumerate(names)
    ]
    return sorted(rows, key=lambda row: -row["rows"])[:MOST_LABELS]


def _answer(row: Mapping[Any, Any], who: str, names: list[str] | None) -> str:
    """`positive 98 %`, a number for regression, all labels for multilabel, texts for span."""
    if "teacher_f1" in row:
        return " / ".join(dict.fromkeys([row[who]] if who != "label" else row[who])) or "no answer"
    if names is None:
        return f"{row[who]:.2f}"
    if np.ndim(row[who]):
        return ", ".join(names[index] for index in np.flatnonzero(row[who])) or "none"
    confidence = f" {100 * max(row[f'{who}_probabilities']):.0f} %" if who != "label" else ""
    return names[int(row[who])] + confidence


def _against(
    students: list[Evidence], label: str, places: list[float], unit: Any, mark: tuple[str, float] | None = None
) -> Markup:
    """Scores of the teacher and of the students of one task against a number of theirs, in this order."""
    result = students[0].result
    models = [result.teacher, *(each.result.student for each in students)]
    points = [
        figures.Point(index, place, model.score, model.ci95[0], model.ci95[1])
        for index, place, model in zip((None, *range(len(students))), places, models, strict=True)
    ]
    return figures.scatter(points, label, result.metric, unit, mark)


def _validation(students: list[Evidence]) -> Markup | None:
    """Validation scores of the teacher's and the students' epochs."""
    files = [students[0].folder / "curves/teacher/validation.csv"]
    files += [each.folder / "curves/prediction/validation.csv" for each in students]
    series: dict[int | None, Line] = {}
    for index, file in zip((None, *range(len(students))), files, strict=True):
        curve = read_curve(file)
        if not curve.empty:
            series[index] = (curve["epoch"].tolist(), curve["score"].tolist())
    return figures.epochs(series, students[0].result.metric) if series else None


def _panels(file: Path) -> list[dict[str, Any]]:
    return [{"title": title, "figure": figures.lines(series, title)} for title, series in panels(file).items()]


def _augmentation(file: Path) -> dict[str, Any] | None:
    """Counts and examples of the augmentation's report, what changed in a variant marked."""
    if not file.exists():
        return None
    report = json.loads(file.read_text(encoding="utf-8"))
    examples = [
        {
            "original": example["original"],
            "variants": [
                [_marked(before, after) for before, after in zip(example["original"], variant, strict=True)]
                for variant in example["variants"]
            ],
        }
        for example in report["examples"]
        if example["variants"]
    ]
    return {"counts": report["counts"], "examples": examples[:EXAMPLES]}


def _marked(before: str, after: str) -> Markup:
    """`after`, escaped, with the words that `before` has not in `<mark>`."""
    words, changed = before.split(), after.split()
    parts: Iterable[tuple[str, int, int, int, int]] = difflib.SequenceMatcher(
        None, words, changed, autojunk=False
    ).get_opcodes()
    pieces = []
    for operation, _, _, start, end in parts:
        text = escape(" ".join(changed[start:end]))
        if text:
            pieces.append(text if operation == "equal" else Markup("<mark>{}</mark>").format(text))
    return Markup(" ").join(pieces)
