"""Every family of encoders as teacher, through every function of the pipeline, on tiny random models."""

from __future__ import annotations

import json
from functools import partial

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from tests.families import FAMILIES, LAYERS, family_config, family_model, family_tokenizer, save_family
from tests.tiny import BAD, GOOD, PLAIN, tiny_job, weather_report
from tinybert.augment.candidates import MaskedWords, Place, whole_words
from tinybert.augment.dataset import augment
from tinybert.augment.words import split
from tinybert.distill.general import distil_general_student
from tinybert.distill.phase import distil_phase, load_student
from tinybert.evaluate import speed
from tinybert.evaluate.metrics import score
from tinybert.evaluate.student import evaluate_student
from tinybert.models.initialise import initialise_student
from tinybert.models.student import SignalModel
from tinybert.params.general import General
from tinybert.params.models import Architecture
from tinybert.params.students import Student
from tinybert.params.tasks import Task, Teacher
from tinybert.text import blocks
from tinybert.text.corpus import write_documents
from tinybert.train.masked_lm import adapt_masked_lm, masked_logits
from tinybert.train.teacher import finetune_teacher

every_family = pytest.mark.parametrize("family", FAMILIES)
SMALL = {"layers": 2, "hidden": 16, "heads": 2, "intermediate": 32}
ALL_LAYERS = {"embedding": 1.0, "hidden": 1.0, "attention": 1.0}
TRAINING = {"epochs": 1, "batch_size": 16, "learning_rate": 3e-3}
GENERAL = General.model_validate(
    {
        "corpus": "corpus",
        "teacher": "model",
        "start": "model",
        "architecture": SMALL,
        "initialise": "teacher-svd",
        "losses": ALL_LAYERS,
        "train": TRAINING | {"max_length": 16},
    }
)
TASK = Task.model_validate(
    {
        "source": "weather",
        "type": "classification",
        "columns": None,
        "text": ["text", "text_pair"],
        "label": {"column": "label", "names": ["bad", "good"]},
        "split": {"test": 0.2, "validation": 0.1},
        "metric": "accuracy",
        "max_length": 32,
        "teacher": {"from": "model", "epochs": 1, "batch_size": 16, "learning_rate": 3e-3},
        "mlm": {"from": "model", "corpus": "corpus", "steps": 2, "batch_size": 8, "learning_rate": 1e-3},
        "augment": {"copies": 1, "candidates": 3, "vectors": "vectors"},
    }
)
STUDENT = Student.model_validate(
    {
        "task": "weather",
        "general": "small",
        "intermediate": TRAINING | {"data": "augmented", "losses": ALL_LAYERS},
        "prediction": TRAINING | {"data": "original", "losses": {"logits": 1.0}},
    }
)


@pytest.fixture
def world(tmp_path, monkeypatch):
    """Pairs of sentences about the weather, a corpus, vectors; nothing that is slow for other reasons."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(blocks, "count_cores", lambda: 1)
    monkeypatch.setattr(speed, "ROUNDS", (1, 1))
    tiny_base = family_model("bert").config
    monkeypatch.setattr(
        "tinybert.evaluate.student.bert_base",
        lambda classes, _: AutoModelForSequenceClassification.from_config(tiny_base).eval(),
    )
    random = np.random.default_rng(0)
    good = random.integers(2, size=120).astype(bool)
    texts = [[weather_report(random, kind) for kind in good] for _ in range(2)]
    rows = pd.DataFrame({"text": texts[0], "text_pair": texts[1], "label": good.astype(np.int64)})
    (tmp_path / "data").mkdir()
    for name, part in (("train", rows[:60]), ("validation", rows[60:100]), ("test", rows[100:])):
        part.to_parquet(tmp_path / "data" / f"{name}.parquet", index=False)
    facts = {"names": ["bad", "good"], "rows": {"train": 60, "validation": 40, "test": 20}}
    (tmp_path / "data" / "task.json").write_text(json.dumps(facts))
    (tmp_path / "corpus").mkdir()
    write_documents([("weather", " ".join(texts[0]))], tmp_path / "corpus")
    (tmp_path / "vectors").mkdir()
    words = [*GOOD, *BAD, *PLAIN]
    np.save(tmp_path / "vectors" / "vectors.npy", random.normal(size=(len(words), 8)).astype(np.float32))
    pq.write_table(pa.table({"word": words}), tmp_path / "vectors" / "words.parquet")
    return tmp_path


@pytest.mark.slow
@every_family
def test_through_every_stage(family, world):
    save_family(world / "model", family)
    train = world / "data" / "train.parquet"

    def job(name):
        (world / name).mkdir()
        return tiny_job(world / name, world / f"{name}-curves")

    accuracy = partial(score, "accuracy")
    teacher = Teacher.model_validate(TASK.teacher.model_dump(by_alias=True) | {"above_chance": False})
    finetune_teacher(teacher, world / "model", world / "data", ["bad", "good"], accuracy, job("teacher"))
    adapt_masked_lm(TASK.mlm, world / "model", world / "corpus", train, job("mlm"))
    (world / "augmented").mkdir()
    report = augment(
        train, world / "mlm", world / "vectors", world / "augmented", TASK.augment, 1, "fp32", TASK.max_length
    )
    assert report.tally.by_masked_language_model > 20
    distil_general_student(GENERAL, world / "corpus", world / "model", job("general"))
    augmented = world / "augmented" / "train.parquet"
    distil_phase(STUDENT.intermediate, world / "general", world / "teacher", augmented, job("intermediate"))
    assert_head_is_fixed(world)
    validation = (world / "data" / "validation.parquet", accuracy)
    distil_phase(STUDENT.prediction, world / "intermediate", world / "teacher", train, job("student"), validation)
    (world / "details").mkdir()
    evaluate_student(
        STUDENT, TASK, world / "teacher", world / "student", world / "data", seed=1, precision="fp32",
        metrics_file=world / "metrics.json", details=world / "details",
    )  # fmt: skip
    result = json.loads((world / "metrics.json").read_text())
    assert result["student"]["parameters"] < result["teacher"]["parameters"]
    terms = pd.read_csv(world / "intermediate-curves" / "losses.csv")
    assert np.isfinite(terms.to_numpy(float)).all()
    assert {"embedding", "hidden.2", "attention.1", "attention.2"} <= set(terms.columns)
    student = AutoModelForSequenceClassification.from_pretrained(world / "student")
    assert student.config.id2label == {0: "bad", 1: "good"}
    assert AutoTokenizer.from_pretrained(world / "student").get_vocab() == family_tokenizer(family).get_vocab()


def assert_head_is_fixed(world):
    """What lies behind the last hidden states is, to the byte, what was drawn for the general student."""
    start = load_student(world / "general", world / "teacher", seed=1)
    before, after = start.state_dict(), load_file(world / "intermediate" / "model.safetensors")
    head = [name for name in after if not name.startswith(f"{start.base_model_prefix}.") or ".pooler." in name]
    assert head
    assert all(torch.equal(before[name], after[name]) for name in head)
    assert any(not torch.equal(before[name], after[name]) for name in after)


IDS = torch.tensor([[2, 7, 11, 9, 8, 5], [2, 9, 10, 6, 12, 7]])


def heads(hidden, linear, count=2):
    return linear(hidden).view(*hidden.shape[:2], count, -1).transpose(1, 2)


def scores_by_hand(family, model, hidden, layer):
    """What the layer's softmax sees, from its weights and its input."""
    if family == "distilbert":
        attention = model.transformer.layer[layer - 1].attention
        query, key = heads(hidden, attention.q_lin), heads(hidden, attention.k_lin)
    elif family == "mpnet":
        attention = model.encoder.layer[layer - 1].attention.attn
        query, key = heads(hidden, attention.q), heads(hidden, attention.k)
    elif family == "albert":
        attention = model.encoder.albert_layer_groups[0].albert_layers[0].attention
        query, key = heads(hidden, attention.query), heads(hidden, attention.key)
    elif family.startswith("deberta"):
        return disentangled_by_hand(family, model, hidden, model.encoder.layer[layer - 1].attention.self)
    else:
        attention = model.encoder.layer[layer - 1].attention.self
        query, key = heads(hidden, attention.query), heads(hidden, attention.key)
    scores = query @ key.transpose(-1, -2) / 12**0.5
    if family == "mpnet":  # T5's buckets: below 8 each distance has its own, 16 later for what comes after
        for i in range(6):
            for j in range(6):
                bucket = i - j if i >= j else 16 + j - i
                scores[:, :, i, j] += model.encoder.relative_attention_bias.weight[bucket]
    return scores


def disentangled_by_hand(family, model, hidden, attention):
    """(q_i·k_j + q_i·r^k_(i−j) + k_j·r^q_(i−j)) / √(3d)."""
    table = model.encoder.get_rel_embedding()[None]
    if family == "deberta":
        query, key, _ = attention.transpose_for_scores(attention.in_proj(hidden)).chunk(3, dim=-1)
        query = query + attention.q_bias.view(2, 1, 12)
        to_key, to_query, middle = attention.pos_proj, attention.pos_q_proj, 40
    else:
        query, key = heads(hidden, attention.query_proj), heads(hidden, attention.key_proj)
        to_key, to_query, middle = attention.key_proj, attention.query_proj, 16
    position_key, position_query = heads(table, to_key)[0], heads(table, to_query)[0]
    scores = query @ key.transpose(-1, -2)
    for i in range(6):
        for j in range(6):
            scores[:, :, i, j] += (query[:, :, i] * position_key[:, middle + i - j]).sum(-1)
            scores[:, :, i, j] += (key[:, :, j] * position_query[:, middle + i - j]).sum(-1)
    return scores / 36**0.5


@every_family
def test_scores_and_hidden_states_are_those_computed_by_hand(family):
    model = SignalModel(family_model(family), records_scores=True)
    plain = family_model(family)
    inputs = {"input_ids": IDS, "attention_mask": torch.ones_like(IDS)}
    layers = range(1, LAYERS + 1)
    with torch.no_grad():
        signals = model(inputs, hidden=range(LAYERS + 1), scores=layers, logits=False)
        embedded = plain.embeddings(IDS)
        if family == "electra":
            embedded = plain.embeddings_project(embedded)
        if family == "albert":
            embedded = plain.encoder.embedding_hidden_mapping_in(embedded)
        torch.testing.assert_close(signals["hidden"][0], embedded)
        torch.testing.assert_close(signals["hidden"][LAYERS], plain(**inputs).last_hidden_state)
        for layer in layers:
            expected = scores_by_hand(family, plain, signals["hidden"][layer - 1], layer)
            torch.testing.assert_close(signals["scores"][layer], expected)


@pytest.mark.parametrize("family", ["mpnet", "deberta", "deberta-v2"])
def test_scores_of_padding_are_finite_and_change_no_others(family):
    model = SignalModel(family_model(family), records_scores=True)
    padded = torch.cat([IDS, torch.full((2, 3), model.model.config.pad_token_id)], dim=1)
    with torch.no_grad():
        inputs = {"input_ids": IDS, "attention_mask": torch.ones_like(IDS)}
        alone = model(inputs, scores=(2,))["scores"][2]
        inputs = {"input_ids": padded, "attention_mask": (torch.arange(9) < 6).long().expand(2, 9)}
        scores = model(inputs, scores=(2,))["scores"][2]
    torch.testing.assert_close(scores[:, :, :6, :6], alone)
    assert scores.abs().max() < 1e6


@every_family
@pytest.mark.parametrize("hidden", [24, 16, 8])
def test_teacher_svd_brings_the_embeddings_over(family, hidden):
    """Better than a random start; exact where the student's layers are as wide as the teacher's, or its embeddings."""
    teacher = family_model(family)
    architecture = Architecture(layers=2, hidden=hidden, heads=2, intermediate=32)
    student, projections = initialise_student(teacher, architecture, "teacher-svd", seed=0)
    words = teacher.get_input_embeddings().weight
    with torch.no_grad():
        if teacher.get_input_embeddings().embedding_dim == student.get_input_embeddings().embedding_dim == 12:
            torch.testing.assert_close(student.get_input_embeddings().weight, words)
            expected, inputs = (model.eval()(IDS, output_hidden_states=True) for model in (teacher, student))
            torch.testing.assert_close(
                projections.embedding(inputs.hidden_states[0]), expected.hidden_states[0], rtol=1e-3, atol=1e-4
            )
        elif words.shape[1] == 24:
            restored = projections.embedding(student.get_input_embeddings().weight)
            left = (restored - words).square().mean() / words.square().mean()
            assert left < 1e-6 if hidden == 24 else left < 1 - hidden / 24


@every_family
def test_logits_of_masked_positions_are_those_of_the_whole_sequence(family):
    model = family_model(family, head=True)
    inputs = {"input_ids": IDS, "attention_mask": torch.ones_like(IDS)}
    masked = torch.zeros_like(IDS, dtype=torch.bool)
    masked[0, 2] = masked[1, 1] = masked[1, 4] = True
    with torch.no_grad():
        torch.testing.assert_close(masked_logits(model, inputs, masked), model(**inputs).logits[masked])
        assert model(**inputs).logits.shape[:2] == IDS.shape  # nothing stays behind


@pytest.mark.parametrize("family", [*FAMILIES, "deberta-v2 with its newer head"])
def test_candidates_are_the_most_probable_whole_words_of_the_full_output(family):
    family, newer = family.split(" ")[0], " " in family
    tokenizer = family_tokenizer(family)

    def model():
        if not newer:
            return family_model(family, head=True)
        config = family_config(family, tokenizer)
        config.legacy = False
        torch.manual_seed(0)
        return type(family_model(family, head=True))(config).eval()

    texts = ["the weather was sunny and warm", "paris is grey today !"]
    places = [Place((texts[0],), 0, texts[0].index("sunny")), Place((texts[1],), 0, texts[1].index("grey"))]
    found = MaskedWords(model(), tokenizer, 4, 32, 8).find(places)
    words = whole_words(tokenizer)
    assert {*GOOD, *BAD} <= set(words.values())
    for place, candidates in zip(places, found, strict=True):
        encoded = tokenizer(place.texts[0], return_tensors="pt")
        position = encoded.char_to_token(place.start)
        encoded["input_ids"][0, position] = tokenizer.mask_token_id
        if "token_type_ids" in encoded and family == "distilbert":
            del encoded["token_type_ids"]
        with torch.no_grad():
            ranked = model()(**encoded).logits[0, position].argsort(descending=True).tolist()
        assert sorted(candidates) == sorted([words[index] for index in ranked if index in words][:4])


@every_family
def test_words_are_told_from_what_stands_around_them(family):
    (sentence,) = split(family_tokenizer(family), [("the weather, drizzly today! (sunny) it's",)])
    assert [word.text for word in sentence.words] == ["the", "weather", "drizzly", "today", "sunny", "it"]
    assert [word.single for word in sentence.words][:4] == [True, True, family in ("roberta", "deberta"), True]
