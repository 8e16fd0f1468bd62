"""What is a fact of the repository in README.md, CONTRIBUTING.md and docs/: results, graph and stages.

`python -m tinybert readme` writes them, each between `<!-- name -->` and `<!-- /name -->`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tinybert.errors import UserError
from tinybert.evaluate.schema import BASE, STUDENT, Metrics
from tinybert.params.table import read_yaml
from tinybert.report.published import TEACHER
from tinybert.report.reruns import reruns
from tinybert.report.variants import tenths, variant_tables

Numbers = Mapping[str, Any]
"""metrics.json, speed.json, or results/<name>.json: an object for each student."""
BATCHES = ("batch1", "batch32", "batch1_full", "batch32_full")


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
        pattern = re.compile(f"{re.escape(start)}.*?{re.escape(end)}", re.DOTALL)
        if not any(map(pattern.search, texts.values())):
            raise UserError(
                f"README.md, CONTRIBUTING.md, docs/: expected a section between {start} and {end}; add the two lines"
            )
        section = f"{start}\n{written}\n{end}"
        texts = {file: pattern.sub(lambda _, section=section: section, text) for file, text in texts.items()}  # type: ignore[misc]
    return texts


def _sections(root: Path) -> dict[str, str]:
    pipeline = read_yaml(root / "dvc.yaml")["stages"]
    stages = {name: stage.get("do", stage) | {"foreach": stage.get("foreach")} for name, stage in pipeline.items()}
    results = {name: _read(root / f"results/{name}.json") for name in OTHERS}
    return {
        "results": results_table(_read(root / "metrics.json"), _read(root / "speed.json")),
        "graph": graph(stages),
        "stages": stages_table(stages),
        "reruns": reruns(root / "dvc.yaml"),
    } | {name: OTHERS[name](numbers) for name, numbers in results.items() if numbers}


def _read(file: Path) -> Numbers:
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


def results_table(metrics: Numbers, speeds: Numbers | None = None) -> str:
    """Each task's teacher and students; without `speeds` there is no column of them."""
    lines = ["| model | score | 95 % interval | of the teacher | parameters | smaller |", "|---|---|---|---|---|---|"]
    times = [" faster, one text | 32 texts |", "---|---|"]
    teachers: set[str] = set()
    for name, result in metrics.items():
        if result["task"] not in teachers:
            teachers.add(result["task"])
            lines.append(_row(f"teacher of `{result['task']}`", result["teacher"], "", ""))
            times.append("  |  |")
        smaller = f"{result['compression']:.1f}×"
        lines.append(
            _row(f"`{name}`", result["student"], _share(result["retention"], result["retention_ci95"]), smaller)
        )
        times.append(_faster((speeds or {}).get(name)))
    if speeds is not None:
        lines = [line + more for line, more in zip(lines, times, strict=True)]
        lines += [f"\n{_beside_base(name, speeds[name])}" for name in metrics if name in speeds]
    return "\n".join(lines)


def _row(name: str, model: Mapping[str, Any], retention: str, smaller: str) -> str:
    score, low, high = (tenths(100 * number) for number in (model["score"], *model["ci95"]))
    return f"| {name} | {score} | {low} – {high} | {retention} | {model['parameters'] / 1e6:.2f} M | {smaller} |"


def _share(retention: float | None, interval: list[float] | None) -> str:
    if retention is None or interval is None:
        return "–"
    low, high = (tenths(100 * end) for end in interval)
    return f"{tenths(100 * retention)} % ({low} – {high})"


def _faster(speed: Mapping[str, Any] | None) -> str:
    """Cells for one text and for 32, `2.1× (2.0 – 2.2)`."""
    batches = [speed["models"][STUDENT][batch] for batch in ("batch1", "batch32")] if speed else [None, None]
    cells = [
        "–" if each is None else "{:.1f}× ({:.1f} – {:.1f})".format(each["times_faster"], *each["ci95"])
        for each in batches
    ]
    return "".join(f" {cell} |" for cell in cells)


def _beside_base(name: str, speed: Mapping[str, Any]) -> str:
    """By way of the teacher, which both were timed with, on the same texts and in the same rounds."""
    student, base = (speed["models"][model] for model in (STUDENT, BASE))
    ratios = [student[batch]["times_faster"] / base[batch]["times_faster"] for batch in BATCHES]
    return (
        f"`{name}` is {min(ratios):.0f} to {max(ratios):.0f} times as fast as a model of BERT-base's shape (random "
        f"weights: a shape to measure against, not a model that was beaten)."
    )


def ablation_tables(metrics: Numbers) -> str:
    """Each variant's mean and spread over its seeds, the paper's number in brackets.

    How sure the differences are is in the report: test rows are resampled for it, and these are scores alone.
    """
    parts = []
    for table in variant_tables(Metrics.model_validate(metrics).root):
        lines = ["| " + " | ".join(["variant", *table.columns]) + " |", "|" + "---|" * (1 + len(table.columns))]
        lines += ["| " + " | ".join([row.name, *map(str, row.cells)]) + " |" for row in table.rows]
        counts = {cell.seeds for row in table.rows if row.name != TEACHER for cell in row.cells if cell.seeds}
        seeds = f"{'up to ' if len(counts) > 1 else ''}{table.seeds} seed{'s' if table.seeds > 1 else ''}"
        legend = f"Mean ± standard deviation over {seeds}; in brackets the paper's numbers. {table.note}"
        parts += ["\n".join(lines), legend.strip()]
    return "\n\n".join(parts)


OTHERS: dict[str, Callable[[Numbers], str]] = {
    "ablations": ablation_tables,
    "baselines": results_table,
    "glue-files": results_table,
    "squad-files": results_table,
}
"""How the numbers of other experiments are shown, by their `name`."""


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
