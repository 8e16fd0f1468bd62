from __future__ import annotations

import json
from pathlib import Path

from transformers import BertTokenizer

from tinybert.augment.algorithm import Copy
from tinybert.augment.report import EXAMPLES, VARIANTS, Report, write_report
from tinybert.augment.words import split


def make_copy(tokenizer: BertTokenizer, row: int, *texts: str, **changes: str) -> Copy:
    (sentence,) = split(tokenizer, [texts])
    copy = Copy(row, [list(parts) for parts in sentence.sides], [], ())
    for word in sentence.words:
        if word.text in changes:
            copy.replace(word, [changes[word.text]], 0.0, "by_vectors")
    return copy


def test_changed_words_are_bold_and_markup_in_texts_is_not(tokenizer: BertTokenizer, tmp_path: Path) -> None:
    report = Report([("a *good* film",), ("dull\nplot",)])
    report.show(make_copy(tokenizer, 0, "a *good* film", good="bad"))
    report.show(make_copy(tokenizer, 1, "dull\nplot", dull="slow", plot="plot"))
    write_report(report, tmp_path)
    page = (tmp_path / "report.md").read_text()
    assert "0. a \\*good\\* film\n   - a \\***bad**\\* film\n" in page
    assert "1. dull plot\n   - **slow** plot\n" in page
    content = json.loads((tmp_path / "report.json").read_text())
    assert content["examples"][0] == {"row": 0, "original": ["a *good* film"], "variants": [["a *bad* film"]]}
    assert content["counts"]["rows"] == 2


def test_examples_are_few_and_spread_over_the_rows(tokenizer: BertTokenizer) -> None:
    report = Report([("good", "film")] * 100)
    for row in range(100):
        for _ in range(VARIANTS + 1):
            report.show(make_copy(tokenizer, row, "good", "film", film="movie"))
    examples = report.examples()
    assert [example["row"] for example in examples] == list(range(0, 100, 100 // EXAMPLES))
    assert all(example["variants"] == [["good", "movie"]] * VARIANTS for example in examples)
    assert report.summary(examples=2).count("→ good ⏎ movie") == 4
