"""What is a fact of the repository in README.md, CONTRIBUTING.md and docs/: results, graph and stages.

`python -m tinybert readme` writes them, each between `<!-- name -->` and `<!-- /name -->`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from tinybert.errors import UserError
from tinybert.evaluate.schema import BASE, Int8, Measured, Metrics, Result, Speed, Speeds
from tinybert.report.advice import advice, choose
from tinybert.report.deployables import deployables, deployed_form
from tinybert.report.deployed_table import markdown_table
from tinybert.report.pipeline import graph, read_stages, reruns, stages_table
from tinybert.report.published import TEACHER
from tinybert.report.rendering import points, ratio, span
from tinybert.report.variants import variant_tables


def refresh(root: Path) -> dict[Path, str]:
    """The text of each of the files, its sections written anew.

    Those of other experiments are written from `results/<name>.json`, once it is there; the one with times,
    of presets/base.yaml, from `results/speed/base.json` too, a copy of its speed.json.

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
    base = read_results(root / "results/base.json")
    timed = {"base": markdown_table(base, read_speeds(root / "results/speed/base.json"), brief=True)} if base else {}
    others = {name: read_results(root / f"results/{name}.json") for name in OTHERS}
    return (
        {
            "results": deployed_section(read_results(root / "metrics.json"), read_speeds(root / "speed.json")),
            "graph": graph(stages),
            "stages": stages_table(stages),
            "reruns": reruns(stages),
        }
        | timed
        | {name: OTHERS[name](results) for name, results in others.items() if results}
    )


def read_results(file: Path) -> dict[str, Result]:
    """By student, those of metrics.json or results/<name>.json; none where there is no such file."""
    return Metrics.model_validate_json(file.read_text(encoding="utf-8")).root if file.exists() else {}


def read_speeds(file: Path) -> dict[str, Speed]:
    """By student, those of speed.json; none where there is no such file."""
    return Speeds.model_validate_json(file.read_text(encoding="utf-8")).root if file.exists() else {}


def deployed_section(results: Mapping[str, Result], speeds: Mapping[str, Speed]) -> str:
    """What to take, what could be deployed, and what the students are beside a model of BERT-base's shape."""
    choices = [(result, choose(name, result, speeds[name])) for name, result in results.items() if name in speeds]
    said = [f"{advice(result, choice)}." for result, choice in choices if choice]
    beside = [beside_others(name, result, speeds[name]) for name, result in results.items() if name in speeds]
    return "\n\n".join([*said, markdown_table(results, speeds), *beside])


def beside_others(name: str, result: Result, speed: Speed) -> str:
    """How many times smaller and faster a student is as it is served, and than what."""
    models = deployables(name, result, speed)
    served = models[deployed_form(result, "student")]
    assert served.scored is not None
    one, base = speed.models[served.key], speed.models[BASE]
    smaller = result.teacher.bytes / served.scored.bytes
    faster = one.batch1.times_faster / base.batch1.times_faster
    rates = one.texts_per_core_second, base.texts_per_core_second
    a_core = f" ({rates[0] / rates[1]:.0f} in texts a core)" if rates[0] and rates[1] else ""
    return (
        f"`{name}` {served.form} is {smaller:.1f} times smaller than its teacher in PyTorch and "
        f"{ratio(one.batch1.times_faster)} times as fast for one text, and {faster:.0f} times{a_core} as fast as a "
        "model of BERT-base's shape (random weights: a shape to measure against, not a model that was beaten)."
    )


def results_table(results: Mapping[str, Result]) -> str:
    """Each task's teacher and students, without times."""
    lines = ["| model | score | 95 % interval | of the teacher | parameters | smaller |", "|---|---|---|---|---|---|"]
    teachers: set[str] = set()
    for name, result in results.items():
        if result.task not in teachers:
            teachers.add(result.task)
            lines.append(_row(f"teacher of `{result.task}`", result.teacher, result.teacher.parameters))
        kept = "–"
        if result.retention is not None and result.retention_ci95:
            kept = f"{points(result.retention)} % ({span(result.retention_ci95)})"
        student = result.student
        lines.append(_row(f"`{name}`", student, student.parameters, kept, result.compression))
        if student.int8 is not None:
            kept = "–" if result.retention_int8 is None else f"{points(result.retention_int8)} %"
            lines.append(_row(f"`{name}`, ONNX int8", student.int8, student.parameters, kept, result.compression_int8))
    return "\n".join(lines)


def _row(name: str, model: Measured | Int8, parameters: int, kept: str = "", compression: float | None = None) -> str:
    interval = span(model.ci95) if model.ci95 else ""
    smaller = f"{compression:.1f}×" if compression else ""
    return f"| {name} | {points(model.score)} | {interval} | {kept} | {parameters / 1e6:.2f} M | {smaller} |"


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
