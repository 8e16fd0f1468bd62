"""The report: two files of numbers, one page, one card a student."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel

from tinybert.evaluate.submission import archives, write_archives
from tinybert.params.experiment import Experiment
from tinybert.report.cards import render_card
from tinybert.report.gather import gather, remove_leftovers
from tinybert.report.page import render_page
from tinybert.running.outputs import whole_file, whole_folder


def write_report(experiment: Experiment, root: Path) -> None:
    """Write metrics.json, speed.json, results/<name>.json and reports/ for the students in `experiment`.

    Students that predicted test sets without labels have them in reports/submissions/, see `archives`.

    Args:
        root: the project's folder.

    Raises:
        UserError: a student isn't evaluated or timed.
    """
    own = root / "evaluation" / experiment.name
    remove_leftovers(experiment, own)
    students = gather(experiment, own)
    results = {student.name: student.result for student in students}
    _write(root / "metrics.json", results)
    _write(root / f"results/{experiment.name}.json", results)
    _write(root / "speed.json", {student.name: student.speed for student in students})
    predicted = [(each.settings.general, each.settings.variant, each.submissions) for each in students]
    with whole_folder(root / "reports") as folder:
        (folder / "index.html").write_text(render_page(experiment, students), encoding="utf-8")
        (folder / "cards").mkdir()
        for student in students:
            (folder / f"cards/{student.name}.md").write_text(render_card(student), encoding="utf-8")
        write_archives(archives(predicted), folder / "submissions")


def _write(file: Path, numbers: Mapping[str, BaseModel]) -> None:
    content = {name: each.model_dump() for name, each in numbers.items()}
    with whole_file(file) as partial:
        partial.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
