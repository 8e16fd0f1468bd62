from __future__ import annotations

import pickle
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from tests.augment.conftest import TEXTS
from tinybert.augment import dataset
from tinybert.augment.dataset import augment
from tinybert.augment.report import Report
from tinybert.params.tasks import Augment
from tinybert.tokens.encoding import ORIGINAL

WORD = r"[^\W\d]+"
SINGLES = pd.DataFrame({"text": TEXTS, "label": [1, 0, 0, 1, 0]})
UNCERTAIN = SINGLES.assign(probability=[0.75, 0.0, 0.25, 1.0, 0.375])
PAIRS = pd.DataFrame({"text": TEXTS, "text_pair": TEXTS[::-1], "label": [0.5, 1.25, 3.0, 4.75, 5.0]})


@pytest.fixture
def run(tmp_path: Path, masked_lm: Path, vectors: Path):
    def run(
        rows: pd.DataFrame, run_seed: int = 1, held_out: pd.DataFrame | None = None, **settings: Any
    ) -> tuple[pd.DataFrame, Report, bytes]:
        source, folder = tmp_path / "original.parquet", tmp_path / "augmented"
        rows.to_parquet(source)
        folder.mkdir(exist_ok=True)
        table = Augment(**({"copies": 4, "candidates": 4, "vectors": "glove", "batch_size": 8} | settings))
        (rows[:0] if held_out is None else held_out).to_parquet(held := tmp_path / "test.parquet")
        report = augment(source, [held], masked_lm, vectors, folder, table, run_seed, "fp32", max_length=64)
        written = pd.read_parquet(folder / "train.parquet")
        written.attrs[ORIGINAL] = written.pop(ORIGINAL).tolist()
        return written, report, b"".join(file.read_bytes() for file in sorted(folder.iterdir()))

    return run


@pytest.mark.parametrize("rows", [SINGLES, PAIRS, UNCERTAIN], ids=["singles", "pairs", "uncertain"])
def test_originals_come_first_then_copies_with_their_labels(run, rows: pd.DataFrame) -> None:
    written, report, _ = run(rows)
    originals = written.attrs[ORIGINAL]
    assert originals[: len(rows)] == [*range(len(rows))]
    pd.testing.assert_frame_equal(written[: len(rows)], rows)
    assert written.dtypes.equals(rows.dtypes)
    added = written[len(rows) :]
    assert len(added) == report.counts()["augmented"] > len(rows)
    # What is no word stays, so it tells which original a copy is of.
    signs = rows.text.str.replace(WORD, "w", regex=True).tolist()
    places = [signs.index(re.sub(WORD, "w", text)) for text in added.text]
    assert places == originals[len(rows) :] == sorted(places)
    assert added.label.tolist() == rows.label[places].tolist()
    if "probability" in rows:
        assert added.probability.tolist() == rows.probability[places].tolist()
    for name in rows.columns.intersection(["text", "text_pair"]):
        assert (added[name].to_numpy() != rows[name][places].to_numpy()).any()


def test_every_copy_is_written_or_counted_as_dropped(run) -> None:
    rows = pd.DataFrame({"text": ["films", "films", "films", "good", "10 !", ""], "label": [0, 0, 1, 1, 1, 0]})
    written, report, _ = run(rows, copies=30, probability=0.5)
    counts = report.counts()
    assert (counts["rows"], counts["copies"]) == (6, 180)
    assert counts["unchanged"] + counts["duplicates"] + counts["augmented"] == 180
    assert counts["unchanged"] >= 60  # the last two have no word to replace
    assert len(written) == 6 + counts["augmented"]
    added = written[6:]
    assert not added.duplicated().any()
    assert not added.merge(rows).size
    # Four candidates each for `films` with either label, five or fewer (`good` itself) for `good`.
    assert added.groupby("label").text.nunique()[0] == 4
    assert counts["augmented"] <= 12


def test_a_copy_that_is_an_original_row_is_dropped_where_its_label_is_the_same(run) -> None:
    films = pd.DataFrame({"text": ["films"], "label": [0]})
    copies = [text for text in run(films, copies=30, probability=0.5)[0].text if text != "films"]
    for label, is_written in ((0, False), (1, True)):
        other = pd.DataFrame({"text": [copies[0]], "label": [label]})
        rows = pd.concat([films, other], ignore_index=True)
        added = run(rows, copies=30, probability=0.5)[0][2:]
        assert ((added.text == copies[0]) & (added.label == 0)).sum() == is_written
        assert set(copies[1:]) <= set(added.text[added.label == 0])


def test_a_copy_that_says_what_a_row_to_be_scored_on_says_is_dropped_and_counted(run) -> None:
    films = pd.DataFrame({"text": ["films"], "label": [0]})
    _, first, *others = run(films, copies=30, probability=0.5)[0].text
    held = pd.DataFrame({"text": [f" {first.upper()}\n"], "label": [1]})
    written, report, _ = run(films, copies=30, probability=0.5, held_out=held)
    assert written.text.tolist() == ["films", *others]
    dropped = report.counts()["held_out"]
    assert dropped > 0
    assert f"| of these dropped, a text of validation or test | {dropped} |" in report.markdown()


def test_questions_are_compared_with_their_contexts(run) -> None:
    answers = [[{"text": "slow", "start": 0}]]
    rows = pd.DataFrame({"text": ["films"], "text_pair": ["slow and quick"], "label": answers})
    copies = run(rows, copies=30, probability=0.5)[0].text[1:]
    for context, dropped in (("SLOW and quick", True), ("another one", False)):
        held = pd.DataFrame({"text": copies, "text_pair": context, "label": [answers[0]] * len(copies)})
        written, report, _ = run(rows, copies=30, probability=0.5, held_out=held)
        assert (len(written) == 1) == (report.counts()["held_out"] > 0) == dropped


def test_what_memory_there_is_decides_how_many_processes(run, masked_lm, monkeypatch: pytest.MonkeyPatch) -> None:
    each = dataset.PROCESS + 2 * (masked_lm / "model.safetensors").stat().st_size
    for available, processes in ((0, 1), (2.5 * each, 2), (8 * each, 8)):
        monkeypatch.setattr("psutil.virtual_memory", lambda available=available: SimpleNamespace(available=available))
        assert dataset._affordable(masked_lm) == processes


def test_the_batch_size_and_what_is_under_way_together_do_not_matter(run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(PAIRS, batch_size=1)[2] == run(PAIRS, batch_size=100)[2]
    whole, report, _ = run(PAIRS)
    parts = []

    def as_processes_would(vary, items, processes):
        parts.extend(items)
        return (pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(vary))(item))) for item in items)

    monkeypatch.setattr(dataset, "AT_ONCE", 8)
    monkeypatch.setattr(dataset, "ordered_map", as_processes_would)
    by_parts, parts_report, _ = run(PAIRS)
    pd.testing.assert_frame_equal(by_parts, whole)
    assert parts_report.counts() == report.counts()
    assert len(parts) == 3  # two rows in each


def test_the_seed_decides_and_the_tables_own_comes_before_that_of_the_run(run) -> None:
    first = run(SINGLES, 1)[2]
    assert run(SINGLES, 1)[2] == first
    assert run(SINGLES, 2)[2] != first
    assert run(SINGLES, 2, seed=1)[2] == first


@pytest.mark.parametrize("settings", [{"copies": 0}, {"probability": 0.0}], ids=["no copies", "no changes"])
def test_without_copies_that_differ_the_data_passes_through(run, settings: dict[str, Any]) -> None:
    written, report, _ = run(PAIRS, **settings)
    pd.testing.assert_frame_equal(written, PAIRS)
    assert report.counts()["unchanged"] == report.counts()["copies"] == 4 * len(PAIRS) * ("copies" not in settings)
