"""What is a fact of the repository in README.md, CONTRIBUTING.md and docs/: results, graph and stages.

`python -m tinybert readme` writes them, each between `<!-- name -->` and `<!-- /name -->`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from tinybert.errors import UserError
from tinybert.evaluate.schema import BASE, INT8_STUDENT, STUDENT, Int8, Measured, Metrics, Result, Speed, Speeds
from tinybert.report.pipeline import graph, read_stages, reruns, stages_table
from tinybert.report.published import TEACHER
from tinybert.report.rendering import faster, points
from tinybert.report.variants import variant_tables


def refresh(root: Path) -> dict[Path, str]:
    """The text of each of the files, its sections written anew.

    Those of other experiments are written from `results/<name>.json`, once it is there.

    Raises:
        UserError: no file has the markers of a section.
    """
    files = [root / "README.md", root / "CONTRIBUTING.md", *sorted((root / "docs").glob("*.md"))]
    texts = {file: file.read_text(encoding="utf-8") for file in files if file.exists()}
    for name, written in _sections(root).items():
        start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        pattern = re.compile(f"{start}.*?{end}", re.DOTALL)
        found = {file: match for file, text in texts.items() if (match := pattern.search(text))}
        if not found:
            raise UserError(
                f"README.md, CONTRIBUTING.md, docs/: expected a section between {start} and {end}; add the two lines"
            )
        for file, match in found.items():
            texts[file] = texts[file].replace(match[0], f"{start}\n{written}\n{end}")
    return texts


def _sections(root: Path) -> dict[str, str]:
    stages = read_stages(root / "dvc.yaml")
    others = {name: read_results(root / f"results/{name}.json") for name in OTHERS}
    return {
        "results": results_table(read_results(root / "metrics.json"), read_speeds(root / "speed.json")),
        "graph": graph(stages),
        "stages": stages_table(stages),
        "reruns": reruns(stages),
    } | {name: OTHERS[name](results) for name, results in others.items() if results}


def read_results(file: Path) -> dict[str, Result]:
    """By student, those of metrics.json or results/<name>.json; none where there is no such file."""
    return Metrics.model_validate_json(file.read_text(encoding="utf-8")).root if file.exists() else {}


def read_speeds(file: Path) -> dict[str, Speed]:
    """By student, those of speed.json; none where there is no such file."""
    return Speeds.model_validate_json(file.read_text(encoding="utf-8")).root if file.exists() else {}


def results_table(results: Mapping[str, Result], speeds: Mapping[str, Speed] | None = None) -> str:
    """Each task's teacher and students; without `speeds` there is no column of them."""
    lines = ["| model | score | 95 % interval | of the teacher | parameters | smaller |", "|---|---|---|---|---|---|"]
    times = [" faster, one text | 32 texts |", "---|---|"]
    teachers: set[str] = set()
    for name, result in results.items():
        if result.task not in teachers:
            teachers.add(result.task)
            lines.append(_row(f"teacher of `{result.task}`", result.teacher, result.teacher.parameters))
            times.append("  |  |")
        kept = "–"
        if result.retention is not None and result.retention_ci95:
            kept = f"{points(result.retention)} % ({' – '.join(map(points, result.retention_ci95))})"
        student = result.student
        lines.append(_row(f"`{name}`", student, student.parameters, kept, result.compression))
        own = speeds.get(name) if speeds else None
        batches = (own.models[STUDENT].batch1, own.models[STUDENT].batch32) if own else ()
        times.append("".join(f" {faster(each, '×')} |" for each in batches) or " – | – |")
        if student.int8 is not None:
            kept = "–" if result.retention_int8 is None else f"{points(result.retention_int8)} %"
            lines.append(_row(f"`{name}`, ONNX int8", student.int8, student.parameters, kept, result.compression_int8))
            times.append(f" {faster(own.models[INT8_STUDENT].batch1, '×')} | – |" if own else " – | – |")
    if speeds is not None:
        lines = [line + more for line, more in zip(lines, times, strict=True)]
        lines += [f"\n{_beside_base(name, speeds[name])}" for name in results if name in speeds]
    return "\n".join(lines)


def _row(name: str, model: Measured | Int8, parameters: int, kept: str = "", compression: float | None = None) -> str:
    interval = " – ".join(map(points, model.ci95)) if isinstance(model, Measured) else ""
    smaller = f"{compression:.1f}×" if compression else ""
    return f"| {name} | {points(model.score)} | {interval} | {kept} | {parameters / 1e6:.2f} M | {smaller} |"


def _beside_base(name: str, speed: Speed) -> str:
    """By way of the teacher, which both were timed with, on the same texts and in the same rounds."""
    student, base = (speed.models[model].batches for model in (STUDENT, BASE))
    ratios = [time.times_faster / base[what].times_faster for what, time in student.items()]
    return (
        f"`{name}` is {min(ratios):.0f} to {max(ratios):.0f} times as fast as a model of BERT-base's shape (random "
        f"weights: a shape to measure against, not a model that was beaten)."
    )


def ablation_tables(results: Mapping[str, Result]) -> str:
    """Each variant's mean and spread over its seeds, the paper's number in brackets.

    How sure the differences are is in the report: test rows are resampled for it, and these are scores alone.
    """
    parts = []
    for table in variant_tables(results):
        lines = ["| " + " | ".join(["variant", *table.columns]) + " |", "|" + "---|" * (1 + len(table.columns))]
        lines += ["| " + " | ".join([row.name, *map(str, row.cells)]) + " |" for row in table.rows]
        counts = {cell.seeds for row in table.rows if row.name != TEACHER for cell in row.cells if cell.seeds}
        seeds = f"{'up to ' if len(counts) > 1 else ''}{table.seeds} seed{'s' if table.seeds > 1 else ''}"
        legend = f"Mean ± standard deviation over {seeds}; in brackets the paper's numbers. {table.note}"
        parts += ["\n".join(lines), legend.strip()]
    return "\n\n".join(parts)


OTHERS: dict[str, Callable[[Mapping[str, Result]], str]] = {
    "ablations": ablation_tables,
    "baselines": results_table,
    "glue-files": results_table,
    "squad-files": results_table,
}
"""How the numbers of other experiments are shown, by their `name`."""
