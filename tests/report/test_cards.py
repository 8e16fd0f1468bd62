"""The card with scores: what the hub reads of it, and what people do."""

from dataclasses import replace

import pytest
from huggingface_hub import ModelCard

from tests.evaluate.made_up import experiment, phase, student, write_evidence
from tinybert.report.cards import render_card
from tinybert.report.gather import gather

NAMES = ["not *bad*", 'good: "yes"\n---\n# no', "<b>y|es</b>"]


@pytest.fixture
def make(tmp_path):
    """The evidence of a student of the task of params.yaml; `more` is as of `write_evidence`."""

    def make(names=NAMES, regression=False, **more):
        write_evidence(tmp_path, "movies-tinybert4", names=names, **more)
        entry = student() | {"intermediate": phase(hidden=1.0, attention=0.5)}
        return gather(experiment({"movies-tinybert4": entry}, regression), tmp_path / "evaluation/made-up")[0]

    return make


def replaced(evidence, **more):
    """With other results."""
    return replace(evidence, measured=evidence.measured.model_copy(update=more))


def test_the_hub_reads_what_it_is_and_how_good(make):
    data = ModelCard(render_card(make())).data
    assert (data.library_name, data.pipeline_tag, data.language) == ("transformers", "text-classification", "en")
    assert data.tags == ["tinybert", "onnx", "distillation"]
    assert data.base_model == ["sentence-transformers/all-MiniLM-L6-v2"]
    assert (data.license, data.datasets) == ("other", None)
    assert data.model_name == "movies-tinybert4"
    found = {each.metric_name: (each.metric_type, each.metric_value) for each in data.eval_results}
    assert found["accuracy"] == ("accuracy", 0.85)
    assert found["accuracy, ONNX int8"] == ("accuracy", 0.849)
    assert found["matthews"][0] == "matthews_correlation"
    assert {(each.dataset_name, each.dataset_split) for each in data.eval_results} == {("movies", "test")}


def test_people_read_all_that_there_is_to_say(make):
    evidence = make()
    text = render_card(evidence)
    for line in (
        "| movies-tinybert4 in PyTorch | 85.0 | 83.5 – 86.5 | 57.4 MB | 1.6× (1.5 – 1.7) | 1.6× (1.5 – 1.7) | 40 |",
        "| movies-tinybert4 in int8 | 84.9 | 83.4 – 86.4 | 14.4 MB | 4.7× (4.5 – 5.0) | – | 119 |",
        "| the teacher in ONNX | 86.0 | 84.5 – 87.5 | 90.9 MB | 1.5× (1.4 – 1.6) | 1.5× (1.4 – 1.6) | 38 |",
        "| intermediate | augmented | 2 | 32 | 0.0001 | hidden 1, attention 0.5 | uniform |",
        "| prediction | augmented | 2 | 32 | 0.0001 | logits 1 |  |",
        "- int8, dynamic, costs 0.1 points against ONNX in fp32 (-0.2 – 0.4), on the same rows.",
        f"| onnx/model.onnx | `{'0f' * 32}` |",
    ):
        assert f"\n{line}\n" in text
    assert "run it one text at a time" in text
    assert "`config.json`, 1.4, for probabilities that mean what they say" in text
    assert "is 8.1 points without and 2.3 with it" in text
    assert "on 2 threads of a processor (Abacus 9, avx2)" in text
    assert "- `prediction-distill@movies-tinybert4`" in text
    assert text == render_card(evidence)


def test_alternatives_stand_beside_where_there_are_any(make):
    evidence = make()
    found = [line for line in render_card(evidence).splitlines() if line.startswith(("| TF-IDF |", "| a static"))]
    assert len(found) == 2
    assert "TF-IDF" not in render_card(replaced(evidence, alternatives={}))


def test_names_of_classes_do_nothing(make):
    text = render_card(make())
    assert r"in order: not \*bad\*, good: " in text
    assert r'good: "yes" --- \# no, \<b\>y\|es\</b\>.' in text
    assert ModelCard(text).text.count("\n# ") == 1
    assert "<b>" not in text


def test_numbers_have_neither_classes_nor_probabilities(make):
    text = render_card(make(names=None, regression=True, retention=None, retention_ci95=None))
    assert "label_temperature" not in text
    assert "Its classes" not in text
    assert "Pearson correlation of the answers" in text
    assert {each.metric_type for each in ModelCard(text).data.eval_results} == {"pearsonr", "spearmanr"}


def test_without_int8_nothing_is_said_of_it(make):
    evidence = make()
    text = render_card(replaced(evidence, student=evidence.measured.student.model_copy(update={"int8": None})))
    assert "int8" not in text
    assert '{folder}/onnx/model.onnx")' in text
