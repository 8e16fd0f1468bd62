"""The model card beside a student, README.md: what it is, how to load it, where it comes from.

It has no scores, which come later, in the report's cards (`tinybert.report.cards`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinybert.running.lineage import read_lineage

if TYPE_CHECKING:  # the report takes this module's lists, and has no use for what takes seconds to import
    from transformers import PretrainedConfig

FILE = "README.md"
KINDS = {"SequenceClassification": "text-classification", "QuestionAnswering": "question-answering"}
"""What the hub calls a model by the end of its class's name."""
CARD = """---
library_name: transformers
pipeline_tag: {kind}
tags: [tinybert, distillation]
---

# {name}

A {family} of {layers} layers and width {hidden} for the task {task}, made by the stages of a distillation pipeline
after TinyBERT (Jiao et al., 2020).{classes} Its scores are in the report of the run that made it.

## Use

```python
from transformers import AutoModelFor{head}, AutoTokenizer

model = AutoModelFor{head}.from_pretrained("{place}")
tokenizer = AutoTokenizer.from_pretrained("{place}")
```

It was trained on at most {max_length} tokens a text. {onnx}

## Where it comes from

{lineage}
"""


def write_card(folder: Path, config: PretrainedConfig, place: Path, task: str, max_length: int) -> None:
    """Write README.md into a model's folder, where its lineage.json is.

    Args:
        place: where the folder will lie; its last part is the model's name.
        max_length: tokens of a text in its training.
    """
    head = config.architectures[0].partition("For")[2]
    names = list(config.id2label.values())
    named = head == "SequenceClassification" and len(names) > 1
    files = [file.name for file in sorted(folder.glob("onnx/*.onnx"))]
    exported = Path(*place.parts[:1], "exported", *place.parts[1:])
    card = CARD.format(
        kind=KINDS[head],
        name=place.name,
        place=place.as_posix(),
        family=config.model_type.upper(),
        layers=config.num_hidden_layers,
        hidden=config.hidden_size,
        task=task,
        classes=f" Its classes, in order: {', '.join(map(markdown, names))}." if named else "",
        head=head,
        max_length=max_length,
        onnx=f"As ONNX it is in `onnx/`: {', '.join(files)}." if files else f"As ONNX it is in `{exported}`.",
        lineage=lineage_list(read_lineage(folder)),
    )
    (folder / FILE).write_text(card, encoding="utf-8")


def markdown(text: str) -> str:
    """Text on one line that Markdown shows as it is."""
    return re.sub(r"([\\`*_\[\]<>|#~$&])", r"\\\1", " ".join(text.split()))


def code(text: str) -> str:
    """Text on one line that Markdown shows as code."""
    return f"`{' '.join(text.replace('`', ' ').split())}`"


def lineage_list(lineage: dict[str, Any]) -> str:
    """A nested list in Markdown: the stage, then what it read, with shortened digests; empty without a lineage.

    A model that was imported may bring a lineage along, with whatever in it.
    """
    return "\n".join(_items(lineage)) if lineage else ""


def _items(lineage: dict[str, Any], depth: int = 0) -> Iterator[str]:
    if not depth:
        yield f"- {code(lineage['stage'])}"
    for role, source in sorted(lineage["inputs"].items()):
        before = source.get("lineage")
        stage = f"{code(before['stage'])}, " if before else ""
        found = f"{stage}{code(source['path'])} {code(source['sha256'][:12])}"
        yield f"{'  ' * (depth + 1)}- {markdown(role)}: {found}"
        if before:
            yield from _items(before, depth + 1)
