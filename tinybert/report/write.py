"""The report: one file of numbers, one page, one card a student."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tinybert.evaluate.submission import archives, write_archives
from tinybert.params.experiment import Experiment
from tinybert.report.cards import render_card
from tinybert.report.gather import gather
from tinybert.report.page import render_page
from tinybert.running.outputs import whole_file, whole_folder


def write_report(experiment: Experiment, root: Path) -> None:
    """Write metrics.json, results/<name>.json, reports/index.html and reports/cards/ for the students in `experiment`.

    Students that predicted test sets without labels have them in reports/submissions/, see `archives`.

    Args:
        root: the project's folder.

    Raises:
        UserError: a student isn't evaluated, or its evaluation departs from the schema.
    """
    students = gather(experiment, root)
    numbers = {student.name: student.result.model_dump() for student in students}
    text = json.dumps(numbers, indent=1, ensure_ascii=False) + "\n"
    page = render_page(experiment, students, root)
    cards = {student.name: render_card(student) for student in students}
    for name, content in (
        ("metrics.json", text),
        (f"results/{experiment.name}.json", text),
        ("reports/index.html", page),
    ):
        with whole_file(root / name) as file:
            file.write_text(content, encoding="utf-8")
    with whole_folder(root / "reports/cards") as folder:
        for name, card in cards.items():
            (folder / f"{name}.md").write_text(card, encoding="utf-8")
    shutil.rmtree(root / "reports/submissions", ignore_errors=True)
    if any(student.submissions for student in students):
        with whole_folder(root / "reports/submissions") as folder:
            predicted = [(each.settings.general, each.settings.variant, each.submissions) for each in students]
            write_archives(archives(predicted), folder)
