"""Students as rows beside the paper's numbers: which table, which row, which column, seeds taken together."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from tests.evaluate.made_up import make_result, student, write_evidence
from tests.import_closure import ROOT
from tests.report.test_report import NAMES, report
from tinybert.evaluate.schema import Metrics
from tinybert.params.experiment import load_experiment
from tinybert.params.tasks import METRICS
from tinybert.report.differences import Trained
from tinybert.report.published import TABLES, TEACHER
from tinybert.report.rendering import tenths
from tinybert.report.variants import variant_tables

PRESETS = ["paper-glue", "paper-procedures", "paper-objectives", "paper-layer-maps"]


def results(*students, **more):
    """Results of (variant, task, score) or (variant, task, {metric: score}); the teacher has 0.86 in each."""
    found = {}
    for number, (variant, task, score) in enumerate(students):
        result = make_result(0.5, 14_350_874, NAMES) | {"variant": variant, "task": task} | more
        scores = {"accuracy": score} if isinstance(score, float) else score
        result["student"]["metrics"] = scores
        result["metric"] = next(iter(scores))
        found[f"s{number}"] = result
    return Metrics.model_validate(found).root


def texts(table):
    return {row.name: dict(zip(table.columns, map(str, row.cells), strict=True)) for row in table.rows}


def test_seeds_are_one_cell_beside_the_papers_average():
    ablations = [("full", "movies", score) for score in (0.80, 0.82, 0.84)]
    ablations += [("without attention loss", "movies", 0.70), ("without Transformer losses", "movies", 0.75)]
    (table,) = variant_tables(results(*ablations))
    assert texts(table) == {
        "teacher": {"movies accuracy": "86.0", "the paper's average": ""},
        "full": {"movies accuracy": "82.0 ± 2.0", "the paper's average": "(75.6)"},
        "without attention loss": {"movies accuracy": "70.0", "the paper's average": "(71.0)"},
        "without Transformer losses": {"movies accuracy": "75.0", "the paper's average": "(56.3)"},
    }
    assert table.seeds == 3
    assert [cell.seeds for row in table.rows for cell in row.cells] == [1, 0, 3, 0, 1, 0, 1, 0]
    assert table.title == "Variants, beside the average of the paper's tables 2, 3, 4 and 7, on the development sets"
    assert table.note == "The paper's average is over MNLI-m, MNLI-mm, MRPC, CoLA."


def test_findings_are_of_the_papers_differences():
    """The whole method is right on 80 of 100 rows; the bottom map's students have one general student of their own."""
    labels, found, trained = np.zeros(100, int), {}, {}
    right = {"full": 80, "without augmentation": 30, "without hidden loss": 99, "top map": 79, "bottom map": 10}
    for variant, count in right.items():
        for seed in (0, 1):
            name, general = f"{variant} {seed}", "bottom" if variant == "bottom map" else "shared"
            (result,) = results((variant, "movies", count / 100)).values()
            found[name] = result
            answers = np.where(np.arange(100) < count + seed, 0, 1)
            trained[name] = Trained(general, pd.DataFrame({"label": labels, "student": answers}))
    (table,) = variant_tables(found, trained=trained)
    confirmed, opposite, apart, once = table.remark.removesuffix(".").split("; ")
    start = "Points from “full”, with 95 % intervals over test rows and seeds together: "
    assert confirmed.startswith(f"{start}confirmed: without augmentation -50.0 (")
    assert opposite.startswith("opposite to the paper: without hidden loss +19.0 (")
    assert apart.startswith("not told apart: top map -1.0 (")
    assert once == "trained once: bottom map"
    assert variant_tables(found)[0].remark == ""  # of scores alone nothing is known of test rows


def test_the_papers_tasks_are_columns_with_its_own_metrics():
    mnli, mrpc = {"accuracy": 0.82, "accuracy_mismatched": 0.81}, {"f1": 0.9, "accuracy": 0.86}
    rows = [("full", "mnli", mnli), ("top map", "mnli", mnli), ("full", "mrpc", mrpc), ("BERT-tiny", "mrpc", mrpc)]
    (table,) = variant_tables(results(*rows))  # of table 1 there is but one row
    assert table.columns == ["MNLI-m", "MNLI-mm", "MRPC", "CoLA", "average"]
    assert list(texts(table)["full"].values()) == ["82.0 (82.8)", "81.0 (82.9)", "86.0 (85.8)", "(50.8)", "(75.6)"]
    assert not table.with_sizes


def test_the_main_table_has_sizes_and_what_the_paper_has_not():
    scores = {"accuracy": 0.9}
    rows = [(variant, "sst2", scores) for variant in ("TinyBERT4", "TinyBERT6", "DistilBERT6", "MiniLMv2 6/768")]
    main, six = variant_tables(results(*rows, ("TinyBERT4", "wnli", {"accuracy": 0.5})), {"s0": 2.0, "s4": 2.2})
    cited = "MobileBERT-tiny (not run)"
    assert [row.name for row in main.rows] == ["teacher", *(variant for variant, *_ in rows), cited]
    assert main.columns[0] == "wnli accuracy"
    assert texts(main)["TinyBERT4"]["SST-2"] == "90.0 (92.6)"
    assert texts(main)["MiniLMv2 6/768"]["SST-2"] == "90.0"
    tiny = main.rows[1]
    assert (tiny.size.parameters, tiny.size.flops) == (14_350_874, 1_435_087_400)
    assert [row.size.speedup for row in main.rows[:3]] == [1.0, pytest.approx(2.1), None]
    assert (tiny.published_size.flops, tiny.published_size.speedup) == (1.2e9, 9.4)
    assert main.title == "GLUE; the paper's table 1, on the test sets"
    assert main.note.startswith("Ours are of the development sets, the paper's of the test sets; its speed is on a K80")
    assert texts(main)[cited]["SST-2"] == "(91.7)"
    assert texts(main)[cited]["average"] == "(77.0)"
    assert (main.rows[-1].size, main.rows[-1].published_size.speedup) == (None, None)
    assert [row.name for row in six.rows[:2]] == ["TinyBERT6", "DistilBERT6"]
    assert [row.name.removesuffix(" (not run)") for row in six.rows[2:]] == list(TABLES[2].cited)
    assert texts(six)["TinyBERT6"]["SST-2"] == "90.0 (93.0)"
    assert texts(six)["BERT-of-Theseus (not run)"]["MRPC F1"] == "(89.0)"


def test_a_row_of_a_model_that_no_preset_makes_is_a_users_who_made_it():
    """On tasks of one's own, and so without the paper's columns, it is left out."""
    rows = [("TinyBERT6", "sst2", {"accuracy": 0.9}), ("MiniLM6", "sst2", {"accuracy": 0.8})]
    (table,) = variant_tables(results(*rows))
    assert texts(table)["MiniLM6"]["SST-2"] == "80.0 (92.0)"
    assert "MiniLM6 (not run)" not in texts(table)
    (table,) = variant_tables(results(("TinyBERT4", "movies", 0.8), ("DistilBERT4", "movies", 0.7)))
    assert [row.name for row in table.rows] == ["teacher", "TinyBERT4", "DistilBERT4"]


def test_on_other_tasks_the_papers_sizes_and_titles_are_left_out():
    """A teacher of 22.7 M parameters is no BERT-base, and film reviews aren't GLUE."""
    (table,) = variant_tables(results(*((name, "movies", 0.8) for name in ("TinyBERT4", "BERT4-PKD", "fine-tuned"))))
    assert table.title == "Variants, beside the average of the paper's table 1, on the test sets"
    assert table.with_sizes
    assert [row.published_size for row in table.rows] == [None] * 4
    assert table.rows[0].size.parameters == 22_713_986
    assert texts(table)["BERT4-PKD"] == {"movies accuracy": "80.0", "the paper's average": "(72.6)"}
    assert "K80" not in table.note


def test_squad_has_a_table_of_its_own():
    scores = {"exact_match": 0.727, "span_f1": 0.821}
    rows = [(variant, task, scores) for variant in ("TinyBERT4", "BERT4-PKD") for task in ("squad1", "squad2")]
    (table,) = variant_tables(results(*rows))
    assert table.columns == ["1.1 EM", "1.1 F1", "2.0 EM", "2.0 F1"]
    assert texts(table)["BERT4-PKD"]["2.0 F1"] == "82.1 (64.6)"
    assert table.rows[0].name == "teacher"


def test_variants_of_ones_own():
    (table,) = variant_tables(results(("mine", "movies", 0.8), ("other", "movies", 0.7)))
    assert table.title == "Variants"
    scores = {"teacher": "86.0", "mine": "80.0", "other": "70.0"}
    assert texts(table) == {name: {"movies accuracy": score} for name, score in scores.items()}
    assert variant_tables(results((None, "movies", 0.8))) == []


PRINTED = (
    "79.5 70.2 72.1 72.6 71.9 77.0 77.0 – – 76.8 79.4",
    "75.6 72.5 68.5 68.4 74.1 73.5 56.3 71.0 72.9 70.9 71.3 63.9 61.1",
)
"""The averages that the paper prints in its table 1, and in its tables 2, 3, 4 and 7, in the order of the rows."""


@pytest.mark.parametrize(("number", "task"), [(0, "qnli"), (1, "mrpc")])
def test_the_averages_are_printed_as_in_the_paper(number, task):
    published = TABLES[number]
    names = [name for name in published.rows if name != TEACHER]
    table = variant_tables(results(*((name, task, {"accuracy": 0.5}) for name in names)))[0]
    assert table.title.startswith(f"{published.title}; ")
    printed = [texts(table)[name]["average"].strip("()") or "–" for name in published.rows]
    assert printed == PRINTED[number].split()


def test_halves_are_rounded_up():
    assert [tenths(value) for value in (71.25, 71.24999999999999, 71.249, 0.0)] == ["71.3", "71.3", "71.2", "0.0"]


def test_rows_columns_and_sizes_are_the_papers():
    main, ablations, six, squad = TABLES
    titles = "MNLI-m, MNLI-mm, QQP, QNLI, SST-2, CoLA, STS-B, MRPC, RTE"
    assert ", ".join(column.title for column in main.columns) == titles
    assert six.columns[-1] == ("STS-B Spearman", "stsb", "spearman")
    for table, row, printed in (
        (main, "TinyBERT4", "82.5 81.8 71.3 87.7 92.6 44.1 80.4 86.4 66.6"),
        (ablations, "without task distillation", "80.6 81.2 83.8 28.5"),
        (six, "TinyBERT6", "54.0 84.5 84.5 90.6 86.3 91.1 88.0 91.1 73.4 93.0 90.1 89.6"),
        (squad, "DistilBERT6", "78.1 86.2 66.0 69.5"),
    ):
        assert table.rows[row] == tuple(map(float, printed.split()))
    sizes = {TEACHER: (109e6, 22.5e9, 1.0), "TinyBERT4": (14.5e6, 1.2e9, 9.4), "BERT4-PKD": (52.2e6, 7.6e9, 3.0)}
    assert sizes.items() <= main.sizes.items()


@pytest.mark.parametrize("name", PRESETS)
def test_the_presets_make_the_tables(name):
    """A preset's students are named as the paper's rows, its tasks and their metrics are the columns."""
    preset = load_experiment(ROOT / f"presets/{name}.yaml")
    rows = []
    for entry in preset.students.values():
        task = preset.tasks[entry.task]
        further = [f"{task.metric}_{also}" for also in task.split.also_test]
        rows.append((entry.variant, entry.task, dict.fromkeys((task.metric, *METRICS[task.type], *further), 0.5)))
    tables = variant_tables(results(*rows))
    assert len(tables) == (2 if name == "paper-glue" else 1)
    full = {row.name: row for row in tables[0].rows}["TinyBERT4" if name == "paper-glue" else "full"]
    assert all(cell.mean is not None for cell in full.cells)
    ours = [column for column, cell in zip(tables[0].columns, full.cells, strict=True) if cell.published is None]
    assert ours == (["wnli accuracy"] if name == "paper-glue" else [])


def test_every_row_of_the_paper_is_run_or_marked():
    """Each row has students in a preset of the paper, or is cited; none is both."""
    presets = [load_experiment(ROOT / f"presets/{name}.yaml") for name in (*PRESETS, "paper-squad")]
    run = {student.variant for preset in presets for student in preset.students.values()}
    for table in TABLES:
        assert table.rows.keys() - {TEACHER} - run == set(table.cited), table.title
        assert table.sizes.keys() == (table.rows.keys() if table.sizes else set()), table.title


def test_the_report_marks_what_is_not_run(tmp_path):
    variants = {"a": "TinyBERT4", "b": "DistilBERT4"}
    for name in variants:
        write_evidence(tmp_path, name, 0.8, names=NAMES, task="sst2")
    text = report(tmp_path, {name: student("sst2") | {"variant": each} for name, each in variants.items()})[1]
    row = text[text.index("MobileBERT-tiny (not run)") :].partition("</tr>")[0]
    assert re.findall(r"<td>(.*?)</td>", row)[-3:] == ["<small>15.1 M</small>", "<small>3.1 G</small>", ""]


def test_the_report_has_the_table_and_the_numbers_keep_what_it_needs(tmp_path):
    variants = {"a": "full", "b": "without hidden loss"}
    for name in variants:
        write_evidence(tmp_path, name, 0.8, names=NAMES)
    students = {name: student() | {"variant": variant} for name, variant in variants.items()}
    words = report(tmp_path, students)[2]
    assert "the paper's tables 2, 3, 4 and 7" in words
    assert "Small numbers are the paper's. The paper's average is over MNLI-m, MNLI-mm, MRPC, CoLA." in words
    assert "without hidden loss" in words
    kept = Metrics.model_validate_json((tmp_path / "results/made-up.json").read_text()).root
    assert {name: result.variant for name, result in kept.items()} == variants
