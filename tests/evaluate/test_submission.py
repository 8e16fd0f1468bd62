"""Submissions as GLUE's server takes them."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from tinybert.evaluate.submission import archives, submission_lines, write_archives
from tinybert.params.glue import submitted_labels

LOGITS = np.array([[2.0, 1.0, 0.0], [0.0, 1.0, 3.0]], dtype=np.float32)


def test_lines_are_index_and_the_servers_label():
    labels = ["entailment", "neutral", "contradiction"]
    expected = ["index\tprediction", "0\tentailment", "1\tcontradiction"]
    assert submission_lines("MNLI-m", "accuracy", labels, LOGITS) == expected
    numbers = np.array([[2.34567], [-0.2], [5.7]], dtype=np.float32)
    assert submission_lines("STS-B", "pearson", None, numbers)[1:] == ["0\t2.346", "1\t0.000", "2\t5.000"]
    assert submission_lines("mine", "pearson", None, numbers)[2] == "1\t-0.200"
    assert submission_lines("mine", "f1_micro", ["a", "b", "c"], LOGITS)[1:] == ["0\ta|b", "1\tb|c"]


def test_labels_are_the_official_ones_in_class_order():
    assert submitted_labels("SST-2", ["positive", "negative"], ["1", "0"]) == ["1", "0"]
    swapped = ["contradiction", "neutral", "entailment"]
    assert submitted_labels("AX", swapped, ["2", "1", "0"]) == swapped
    assert submitted_labels("QNLI", ["entailment", "not_entailment"], None) == ["entailment", "not_entailment"]
    assert submitted_labels("mine", ["x", "y"], ["0", "1"]) == ["x", "y"]
    with pytest.raises(ValueError, match="RTE is submitted as entailment, not_entailment, found the classes no, yes"):
        submitted_labels("RTE", ["no", "yes"], ["0", "1"])


def test_one_archive_a_general_student_the_same_bytes_every_time(tmp_path):
    files = [tmp_path / name for name in ("a/RTE.tsv", "a/SST-2.tsv", "b/RTE.tsv")]
    for file in files:
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"index\tprediction\n0\t{file}\n")
    students = [("tinybert4", files[:2]), ("tinybert4", files[2:]), ("scratch", files[2:]), ("none", [])]
    grouped = archives([(general, "full", of_student) for general, of_student in students])
    assert {name: sorted(of) for name, of in grouped.items()} == {
        "tinybert4": ["RTE.tsv", "SST-2.tsv"],
        "tinybert4-2": ["RTE.tsv"],
        "scratch": ["RTE.tsv"],
    }
    for folder in ("one", "two"):
        write_archives(grouped, tmp_path / folder)
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()
    with zipfile.ZipFile(tmp_path / "one/tinybert4.zip") as archive:
        assert archive.namelist() == ["RTE.tsv", "SST-2.tsv"]
        assert archive.read("SST-2.tsv") == (tmp_path / "a/SST-2.tsv").read_bytes()
        assert {entry.date_time[0] for entry in archive.infolist()} == {1980}


def test_variants_and_answers_are_not_mixed():
    rte, cola, dev = Path("a/RTE.tsv"), Path("b/CoLA.tsv"), Path("c/dev.json")
    full, ablated = ("tinybert4", "full"), ("tinybert4", "without attention loss")
    assert archives([(*full, [rte]), (*ablated, [rte]), (*ablated, [cola]), (*full, [dev])]) == {
        "tinybert4-full": {"RTE.tsv": rte},
        "tinybert4-without-attention-loss": {"RTE.tsv": rte, "CoLA.tsv": cola},
        "tinybert4-full-answers": {"dev.json": dev},
    }
    assert list(archives([(*full, [rte]), (*ablated, [])])) == ["tinybert4"]
