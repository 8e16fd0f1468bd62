"""A user's own fine-tuned checkpoint as teacher: its outputs matched by name, its score compared with chance."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch

from tests.families import FAMILIES, family_tokenizer, save_family
from tests.tiny import logits_of, tiny_bert, tiny_job, weather_report
from tinybert.errors import UserError
from tinybert.metrics.chance import chance
from tinybert.metrics.scores import score
from tinybert.models.loading import head_config, load_classifier, load_config
from tinybert.models.output_layer import match_labels, output_layer, reorder_outputs
from tinybert.params.tasks import Teacher
from tinybert.running.lineage import FILLED, read_lineage
from tinybert.train.teacher import finetune_teacher

NAMES = ["bad", "good"]


def settings(**changes):
    return Teacher.model_validate({"from": "own", "epochs": 0, "batch_size": 8, "learning_rate": 5e-3} | changes)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Data whose classes are bad and good, and a teacher that tells them apart."""
    world = tmp_path_factory.mktemp("world")
    random = np.random.default_rng(0)
    good = random.integers(2, size=160).astype(bool)
    rows = pd.DataFrame({"text": [weather_report(random, kind) for kind in good], "label": good.astype(np.int64)})
    (world / "data").mkdir()
    rows[:100].to_parquet(world / "data" / "train.parquet")
    rows[100:].to_parquet(world / "data" / "validation.parquet")
    take(world, tiny_bert(world / "bert"), "tuned", epochs=6)
    return world


def take(world, source, folder, names=NAMES, above_chance=True, metric="accuracy", **changes):
    job = tiny_job(world / folder, world / "curves")
    measure = partial(score, metric)
    finetune_teacher(settings(**changes), source, world / "data", names, measure, job, above_chance=above_chance)
    return world / folder


def own_checkpoint(world, names):
    """The tuned teacher as another project would have saved it: outputs in another order, under these names."""
    model = load_classifier(world / "tuned")
    reorder_outputs(model, [1, 0])
    model.config.update(head_config(names))
    folder = world / f"own-{'-'.join(names)}".replace(" ", "")
    model.save_pretrained(folder)
    family_tokenizer("bert").save_pretrained(folder)
    return folder


def accuracy(world, folder):
    rows = pd.read_parquet(world / "data" / "validation.parquet")
    return score("accuracy", rows["label"].to_numpy(), logits_of(folder, rows))


def test_outputs_in_another_order_are_put_into_the_datas(world, capsys):
    source = own_checkpoint(world, ["Good", "B ad"])
    assert accuracy(world, source) < 0.1
    folder = take(world, source, "mapped")
    assert accuracy(world, folder) == accuracy(world, world / "tuned") > 0.9
    assert load_config(folder).id2label == {0: "bad", 1: "good"}
    assert f"teacher's score on validation: {accuracy(world, folder):.4f}" in capsys.readouterr().out


def test_outputs_without_names_are_refused_until_the_user_names_them(world):
    source = own_checkpoint(world, ["LABEL_0", "LABEL_1"])
    with pytest.raises(UserError, match=r"does not say what its outputs mean \(LABEL_0, LABEL_1\); set teacher.labels"):
        take(world, source, "unnamed")
    assert accuracy(world, take(world, source, "named", labels=["good", "bad"])) > 0.9
    with pytest.raises(UserError, match=r"is what chance gives .* see teacher.labels"):
        take(world, source, "wrong", labels=["bad", "good"])
    with pytest.raises(UserError, match="names 3 outputs, this checkpoint has 2"):
        take(world, source, "three", labels=["a", "b", "c"])


def test_a_fine_tuned_teacher_is_taken_as_it_is(world):
    taken = take(world, world / "tuned", "same")
    assert (taken / "model.safetensors").read_bytes() == (world / "tuned" / "model.safetensors").read_bytes()


def test_outputs_of_other_names_or_another_number_are_refused(world):
    with pytest.raises(UserError, match="has 2 outputs and the task 3"):
        take(world, world / "tuned", "three", names=["a", "b", "c"])
    with pytest.raises(UserError, match="outputs are sunny, rainy, the data's classes bad, good"):
        take(world, own_checkpoint(world, ["sunny", "rainy"]), "other")


def test_a_checkpoint_trained_further_starts_from_its_head_in_the_datas_order(world, capsys):
    barely = {"epochs": 1, "learning_rate": 1e-9}
    assert accuracy(world, take(world, own_checkpoint(world, ["good", "bad"]), "further", **barely)) > 0.9
    assert "a new one" not in capsys.readouterr().out
    other = own_checkpoint(world, ["sunny", "rainy"])
    drawn = take(world, other, "drawn", **barely, above_chance=False)
    assert "a new one is trained" in capsys.readouterr().out
    before, after = (output_layer(load_classifier(folder)).weight.abs().sum() for folder in (other, drawn))
    assert not torch.isclose(before, after, rtol=0.01)


def test_a_teacher_near_chance_may_be_asked_for(world):
    take(world, tiny_bert(world / "bert"), "near", epochs=1, learning_rate=1e-9, above_chance=False)
    seen = r"rows are \d+ × bad, \d+ × good; 0.0% of the tokens .* are unknown to the tokenizer; .*learning_rate"
    with pytest.raises(UserError, match=f"is what chance gives .*{seen}"):
        take(world, tiny_bert(world / "bert"), "near", epochs=1, learning_rate=1e-9)


def with_rows(world, folder, change):
    """Another world, whose rows are changed."""
    (folder / "data").mkdir(parents=True)
    for split in ("train", "validation"):
        change(pd.read_parquet(world / f"data/{split}.parquet")).to_parquet(folder / f"data/{split}.parquet")
    return folder


def test_validation_rows_that_can_show_nothing_are_what_is_named(world, tmp_path, capsys):
    unread = with_rows(world, tmp_path, lambda rows: rows.assign(text="☔ ☔", label=0))
    seen = r"rows are 60 × bad, 0 × good; 100.0% of .*; all rows have one label, .* add rows to split.validation"
    with pytest.raises(UserError, match=seen):
        take(unread, world / "tuned", "constant")
    assert "100.0% of the tokens of the validation texts are unknown" in capsys.readouterr().out


def test_texts_that_may_be_cut_are_counted(world, tmp_path, capsys):
    long = with_rows(world, tmp_path, lambda rows: rows.assign(text=["wet " * 200, "wet " * 300, *rows["text"][2:]]))
    teacher = take(long, world / "tuned", "of-long", epochs=1, above_chance=False)
    assert "2 of 100 texts fill max_length, 16, and may be cut there" in capsys.readouterr().out
    assert read_lineage(teacher)["facts"][FILLED] == 2


def test_numbers_far_from_0_are_learnt_as_well_as_those_near_it(world, tmp_path):
    """The same rows, in years: the same teacher, answering in years."""
    answers = []

    def near(rows):
        return rows.assign(label=2.0 * rows["label"] - 1)

    def far(rows):
        return rows.assign(label=2000 + 8 * near(rows)["label"])

    for change in (near, far):
        changed = with_rows(world, tmp_path / change.__name__, change)
        teacher = take(changed, world / "bert", "teacher", None, metric="pearson", epochs=4)
        rows = pd.read_parquet(changed / "data/validation.parquet")
        answers.append(logits_of(teacher, rows))
        assert score("pearson", rows["label"].to_numpy(), answers[-1]) > 0.8
    np.testing.assert_allclose(answers[1], 2000 + 8 * answers[0], atol=0.5)


def test_names_are_matched_exactly_before_case_is_ignored(tmp_path):
    assert match_labels(["a", "A"], ["A", "a"], tmp_path) == [1, 0]
    assert match_labels(["Not Entailment", "entailment"], ["entailment", "not_entailment"], tmp_path) == [1, 0]
    with pytest.raises(UserError):
        match_labels(["a", "A "], ["A", "a"], tmp_path)


@pytest.mark.parametrize("family", FAMILIES)
def test_reordered_outputs_are_the_same_logits_reordered(family, tmp_path):
    model = load_classifier(save_family(tmp_path / "model", family), new_head=head_config(["a", "b", "c"]))
    torch.nn.init.normal_(output_layer(model).bias)
    ids = torch.arange(5, 11)[None]
    with torch.no_grad():
        before = model(ids).logits
        reorder_outputs(model, [2, 0, 1])
        torch.testing.assert_close(model(ids).logits, before[:, [2, 0, 1]])


@pytest.mark.parametrize(("metric", "expected"), [("accuracy", 0.82), ("matthews", 0.0), ("pearson", 0.0)])
def test_chance_is_what_the_same_answers_give_to_other_rows(metric, expected):
    """Nine of ten rows are of class 1 and nine of ten answers: 0.9² + 0.1² agree."""
    random = np.random.default_rng(1)
    labels = (random.random(2000) < 0.9).astype(np.int64)
    answers = (random.random(2000) < 0.9).astype(float)
    logits = answers[:, None] if metric == "pearson" else np.stack([1 - answers, answers], axis=1)
    found = chance(partial(score, metric), labels, logits)
    assert found.mean == pytest.approx(expected, abs=0.02)
    assert 0 < found.deviation < 0.03
