"""What the augmentation did, in numbers and in examples that a person can judge."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tinybert.augment.algorithm import Copy, Tally

EXAMPLES = 20  # originals, spread evenly over the rows
VARIANTS = 4  # of each

COUNTS = {
    "rows": "original rows",
    "copies": "copies made",
    "unchanged": "of these dropped, equal to their original",
    "duplicates": "of these dropped, there already",
    "held_out": "of these dropped, a text of validation or test",
    "augmented": "augmented rows written",
    "words": "words looked at",
    "by_masked_language_model": "of these replaced by the masked language model",
    "by_vectors": "of these replaced by word vectors",
    "kept": "of these drawn, and given back as the candidate",
    "without_candidates": "of these drawn, but kept for want of candidates",
}


class Report:
    """Counts and examples, filled while copies are made; `tally` is of words and of copies."""

    def __init__(self, originals: list[tuple[str, ...]]) -> None:
        self.tally = Tally(rows=len(originals))
        shown = sorted({len(originals) * index // EXAMPLES for index in range(EXAMPLES)}) if originals else []
        self._originals = {row: originals[row] for row in shown}
        self._variants: dict[int, list[Copy]] = {row: [] for row in shown}

    def show(self, copy: Copy) -> None:
        """Keep a copy as an example if its row is one of those shown and has not enough yet."""
        if len(self._variants.get(copy.row, range(VARIANTS))) < VARIANTS:
            self._variants[copy.row].append(copy)

    def counts(self) -> dict[str, int]:
        return {name: self.tally[name] for name in COUNTS}

    def examples(self) -> list[dict[str, Any]]:
        """Rows with their texts and those of some of their variants."""
        return [
            {"row": row, "original": list(texts), "variants": [list(copy.texts) for copy in self._variants[row]]}
            for row, texts in self._originals.items()
        ]

    def markdown(self) -> str:
        """The whole report; words that changed are bold."""
        lines = ["# Augmentation", "", "| | |", "|---|---:|"]
        lines += [f"| {COUNTS[name]} | {count:,} |" for name, count in self.counts().items()]
        lines += ["", "## Examples", "", "An original and its variants, what changed in bold."]
        for row, texts in self._originals.items():
            lines += ["", f"{row}. {' ⏎ '.join(map(_escape, texts))}"]
            lines += [f"   - {_bold(copy)}" for copy in self._variants[row]]
        return "\n".join(lines) + "\n"

    def summary(self, examples: int = 3) -> str:
        """A few lines for the terminal: counts and the first variants of some originals."""
        lines = [f"  {count:>12,}  {COUNTS[name]}" for name, count in self.counts().items()]
        shown = [example for example in self.examples() if example["variants"]]
        for example in shown[:: max(1, len(shown) // examples)][:examples]:
            lines += [f"  {' ⏎ '.join(example['original'])}"]
            lines += [f"    → {' ⏎ '.join(variant)}" for variant in example["variants"][:2]]
        return "\n".join(lines)


def write_report(report: Report, folder: Path) -> None:
    """Write `report.json` and `report.md`."""
    content = {"counts": report.counts(), "examples": report.examples()}
    (folder / "report.json").write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / "report.md").write_text(report.markdown(), encoding="utf-8")


def _bold(copy: Copy) -> str:
    sides = [list(map(_escape, parts)) for parts in copy.sides]
    for side, slot in copy.changed:
        sides[side][slot] = f"**{sides[side][slot]}**"
    return " ⏎ ".join(map("".join, sides))


def _escape(text: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    return re.sub(r"([\\`*_\[\]<>|#~$&])", r"\\\1", re.sub(r"[\r\n]+", " ", text))
