"""The parts of README.md that are facts of the repository: results, graph and stages, written by `tinybert readme`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from tinybert.errors import UserError
from tinybert.evaluate.schema import Metrics
from tinybert.params.table import read_yaml
from tinybert.report.published import TEACHER
from tinybert.report.variants import Table, tenths, variant_tables


def refresh(readme: Path, dvc: Path, metrics: Path) -> str:
    """README.md with each section between `<!-- name -->` and `<!-- /name -->` written anew.

    Those of other experiments are written from `results/<name>.json` beside the metrics, once it is there.

    Raises:
        UserError: the markers of a section are missing.
    """
    stages = {name: stage.get("do", stage) | {"foreach": stage.get("foreach")} for name, stage in _stages(dvc).items()}
    sections: dict[str, Callable[[], str]] = {
        "results": lambda: results_table(json.loads(metrics.read_text(encoding="utf-8"))),
        "graph": lambda: graph(stages),
        "stages": lambda: stages_table(stages),
    }
    for name, table in OTHERS.items():
        file = metrics.with_name("results") / f"{name}.json"
        if file.exists():
            sections[name] = partial(table, json.loads(file.read_text(encoding="utf-8")))
    text = readme.read_text(encoding="utf-8")
    for name, write in sections.items():
        start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        pattern = re.compile(f"{re.escape(start)}.*?{re.escape(end)}", re.DOTALL)
        if not pattern.search(text):
            raise UserError(f"{readme}: expected a section between {start} and {end}; add the two lines")
        section = f"{start}\n{write()}\n{end}"
        text = pattern.sub(lambda _, section=section: section, text)  # type: ignore[misc]
    return text


def results_table(metrics: Mapping[str, Any]) -> str:
    """Each task's teacher and students, with the numbers of metrics.json."""
    lines = ["| model | score | 95 % interval | of the teacher | parameters | smaller |", "|---|---|---|---|---|---|"]
    teachers: set[str] = set()
    for name, result in metrics.items():
        if result["task"] not in teachers:
            teachers.add(result["task"])
            lines.append(_row(f"teacher of `{result['task']}`", result["teacher"], "", ""))
        kept = _share(result["retention"], result.get("retention_ci95"))
        lines.append(_row(f"`{name}`", result["student"], kept, f"{result['compression']:.1f}×"))
    return "\n".join(lines)


def _share(retention: float | None, interval: list[float] | None) -> str:
    if retention is None:
        return "–"
    low, high = (tenths(100 * end) for end in interval) if interval else ("", "")
    return f"{tenths(100 * retention)} %" + (f" ({low} – {high})" if interval else "")


def ablation_tables(metrics: Mapping[str, Any]) -> str:
    """Each variant's mean and spread over its seeds, the paper's number in brackets."""
    parts = []
    for table in variant_tables(Metrics.model_validate(metrics).root):
        lines = ["| " + " | ".join(["variant", *table.columns]) + " |", "|" + "---|" * (1 + len(table.columns))]
        lines += ["| " + " | ".join([row.name, *map(str, row.cells)]) + " |" for row in table.rows]
        parts += ["\n".join(lines), " ".join(filter(None, (_legend(table), table.note, table.remark)))]
    return "\n\n".join(parts)


OTHERS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "ablations": ablation_tables,
    "baselines": results_table,
    "glue-files": results_table,
    "squad-files": results_table,
}
"""How the numbers of other experiments are shown, by their `name`."""


def _legend(table: Table) -> str:
    """What the numbers are; the seeds are those of `presets/ablations.yaml`."""
    counts = {cell.seeds for row in table.rows if row.name != TEACHER for cell in row.cells if cell.seeds}
    seeds = f"{'up to ' if len(counts) > 1 else ''}{table.seeds} seed{'s' if table.seeds > 1 else ''}"
    number = "average" if "the paper's average" in table.columns else "number"
    return (
        f"Mean ± standard deviation over {seeds} of the students' two phases (general students, teacher and augmented "
        f"copies have one seed); in brackets the paper's {number}."
    )


def _row(name: str, model: Mapping[str, Any], retention: str, smaller: str) -> str:
    score, low, high = (tenths(100 * number) for number in (model["score"], *model["ci95"]))
    interval = f"{low} – {high}"
    parameters = f"{model['parameters'] / 1e6:.2f} M"
    return f"| {name} | {score} | {interval} | {retention} | {parameters} | {smaller} |"


def stages_table(stages: Mapping[str, Mapping[str, Any]]) -> str:
    """Stages in the order of dvc.yaml, with what they run over and what they write."""
    lines = ["| stage | what it does | writes |", "|---|---|---|"]
    for name, stage in stages.items():
        writes = ", ".join(f"`{_shown(path)}`" for path in _outs(stage))
        over = f"@‹{_over(stage)}›" if stage["foreach"] else ""
        lines.append(f"| `{name}{over}` | {stage['desc']} | {writes} |")
    return "\n".join(lines)


def graph(stages: Mapping[str, Mapping[str, Any]]) -> str:
    """The stages and what flows between them, as a Mermaid picture; what follows from other arrows is left out."""
    before = {
        name: {other for other in stages if other != name and _feeds(stages[other], stage)}
        for name, stage in stages.items()
    }

    def ancestors(name: str) -> set[str]:
        return before[name].union(*map(ancestors, before[name]))

    arrows = []
    for name, direct in before.items():
        implied: set[str] = set().union(*map(ancestors, direct))
        arrows += [f"  {other} --> {name}" for other in stages if other in direct - implied]
    return "\n".join(["```mermaid", "flowchart LR", *arrows, "```"])


def _feeds(source: Mapping[str, Any], stage: Mapping[str, Any]) -> bool:
    """Whether a stage reads what `source` writes."""
    needs = [_pattern(dep) for dep in stage["deps"] if not dep.endswith(".py") and dep != "${item.path}"]
    return any(_touch(need, _pattern(out)) for need in needs for out in _outs(source))


def _stages(dvc: Path) -> dict[str, Any]:
    return read_yaml(dvc)["stages"]


def _over(stage: Mapping[str, Any]) -> str:
    return stage["foreach"].removeprefix("${").removesuffix("}").removesuffix("s").replace("general", "general student")


def _outs(stage: Mapping[str, Any]) -> list[str]:
    entries = [*stage.get("outs", []), *stage.get("metrics", []), *stage.get("plots", [])]
    return [entry if isinstance(entry, str) else next(iter(entry)) for entry in entries]


def _shown(path: str) -> str:
    return path.replace("${key}", "‹key›").replace("${name}", "‹name›")


def _pattern(path: str) -> list[set[str]]:
    """What each part of a path may be; the empty set is anything, as params.yaml fills it in."""
    return [
        {"original", "augmented"} if part.endswith(".data}") else set() if "${" in part else {part}
        for part in path.split("/")
    ]


def _touch(need: list[set[str]], out: list[set[str]]) -> bool:
    """Whether one path may be the other or lie inside it."""
    return all(not a or not b or a & b for a, b in zip(need, out, strict=False))
