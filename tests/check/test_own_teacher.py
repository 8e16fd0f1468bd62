"""`init --teacher`: a checkpoint of one's own, and the general student that goes with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.check.conftest import PARAMS, only_task
from tests.check.labelled_files import NAMES, TEXTS, lines
from tests.families import FAMILIES, save_family
from tests.import_closure import ROOT
from tests.tiny import tiny_bert
from tinybert.check.mistakes import find_all_mistakes
from tinybert.models.loading import head_config, load_classifier
from tinybert.params.experiment import load_experiment

PLAIN = lines(TEXTS, NAMES, header="text,label")


@pytest.mark.parametrize("family", FAMILIES)
def test_a_teacher_of_ones_own(init, family):
    """One that is fine-tuned is taken as it is, another is fine-tuned; the general student starts from it."""
    folder = save_family(Path("own"), family)
    content = PLAIN
    assert init("a.csv", content, "--teacher", "own").exit_code == 0
    assert only_task().teacher.epochs > 0
    load_classifier(folder, new_head=head_config(["LABEL_0", "LABEL_1"])).save_pretrained(folder)
    done = init("a.csv", content, "--teacher", "own", "--force")
    assert (done.exit_code, done.stderr) == (0, "")
    (general,) = load_experiment(PARAMS).general.values()
    assert (only_task().teacher.epochs, only_task().teacher.labels) == (0, ["bad", "good"])
    assert general.teacher == only_task().teacher.source == "teacher"
    assert list(find_all_mistakes(PARAMS)) == []


def test_a_teacher_like_the_defaults_shares_its_general_student(init):
    tiny_bert(Path("own"), layers=4, seed=1)
    load_classifier(Path("own"), new_head=head_config(["Bad", "good"])).save_pretrained("own")
    assert init("a.csv", PLAIN, "--teacher", "own").exit_code == 0
    assert load_experiment(PARAMS).general == load_experiment(ROOT / "params.yaml").general
    assert (only_task().teacher.source, only_task().teacher.labels) == ("teacher", None)


def test_a_teacher_for_other_classes_is_known(init):
    tiny_bert(Path("own"))
    load_classifier(Path("own"), new_head=head_config(["dry", "wet"])).save_pretrained("own")
    done = init("a.csv", PLAIN, "--teacher", "own")
    assert done.stderr.startswith("error: tasks.a.teacher: own: its outputs are dry, wet, the data's classes bad, good")
    assert not PARAMS.exists()
