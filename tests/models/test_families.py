"""Every family of encoders computes what is asked of it, as found by hand from the weights of tiny random models."""

from __future__ import annotations

import pytest
import torch
import torch.distributed as dist
from torch.distributed.tensor import DTensor

from tests.families import BYTES, FAMILIES, LAYERS, family_config, family_model, family_tokenizer
from tests.tiny import BAD, GOOD
from tinybert.augment.candidates import MaskedWords, Place, whole_words
from tinybert.augment.words import split
from tinybert.errors import UserError
from tinybert.models.initialise import initialise_student
from tinybert.models.shape import shape_of
from tinybert.models.signals import SignalModel, share_layers
from tinybert.params.architectures import Architecture

every_family = pytest.mark.parametrize("family", FAMILIES)
IDS = torch.tensor([[2, 7, 11, 9, 8, 5], [2, 9, 10, 6, 12, 7]])


def heads(hidden, linear, count=2):
    return linear(hidden).view(*hidden.shape[:2], count, -1).transpose(1, 2)


ATTENTION = {
    "distilbert": ("transformer.layer.{}.attention", "q_lin", "k_lin"),
    "mpnet": ("encoder.layer.{}.attention.attn", "q", "k"),
    "albert": ("encoder.albert_layer_groups.0.albert_layers.0.attention", "query", "key"),
}
"""Where a family has it, and what it calls its parts, if not as BERT does."""


def scores_by_hand(family, model, hidden, layer):
    """What the layer's softmax sees, from its weights and its input."""
    if family == "modernbert":
        return rotary_by_hand(model, hidden, layer)
    place, *parts = ATTENTION.get(family, ("encoder.layer.{}.attention.self", "query", "key"))
    attention = model.get_submodule(place.format(layer - 1))
    if family.startswith("deberta"):
        return disentangled_by_hand(family, model, hidden, attention)
    query, key = (heads(hidden, attention.get_submodule(part)) for part in parts)
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


def rotary_by_hand(model, hidden, layer):
    """q_i·k_j, each pair of a head's dimensions, half a head apart, turned as a complex number is by i and by j."""
    block, theta = model.layers[layer - 1], 10_000.0 if layer == 2 else 160_000.0
    query, key, _ = block.attn.Wqkv(block.attn_norm(hidden)).chunk(3, dim=-1)
    turns = torch.arange(6)[:, None] * theta ** (-torch.arange(6) / 6)
    turn = torch.polar(torch.ones_like(turns), turns)
    query, key = (
        torch.complex(*each.view(2, 6, 2, 12).transpose(1, 2).chunk(2, dim=-1)) * turn for each in (query, key)
    )
    return (query @ key.mH).real / 12**0.5


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


@every_family
def test_recording_changes_no_state_and_padding_no_score(family):
    """Scores are those before the mask: finite."""
    model = SignalModel(family_model(family), records_scores=True)
    ids = torch.cat([IDS, torch.full((2, 3), model.model.config.pad_token_id)], dim=1)
    padded = {"input_ids": ids, "attention_mask": (torch.arange(9) < 6).long().expand(2, 9)}
    with torch.no_grad():
        signals = model(padded, hidden=(-1,), scores=(2,))
        expected = family_model(family)(**padded).last_hidden_state
        alone = model({"input_ids": IDS, "attention_mask": torch.ones_like(IDS)}, scores=(2,))["scores"][2]
    torch.testing.assert_close(signals["hidden"][-1][:, :6], expected[:, :6])
    torch.testing.assert_close(signals["scores"][2][:, :, :6, :6], alone)
    assert signals["scores"][2].abs().max() < 1e6


@pytest.fixture
def group():
    """A group of one process, so that a part of a layer is all of it."""
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    yield
    dist.destroy_process_group()


@every_family
def test_layers_cut_into_parts_compute_the_same(family, group):
    """ALBERT's, which are one layer, are not cut."""
    inputs = {"input_ids": IDS, "attention_mask": torch.ones_like(IDS)}
    wanted = {"hidden": (0, 1, -1), "scores": (1, 2)}
    whole, shared = family_model(family).requires_grad_(False), family_model(family).requires_grad_(False)
    share_layers(shared)
    assert any(isinstance(weight, DTensor) for weight in shared.parameters()) == (family != "albert")
    with torch.no_grad():
        torch.testing.assert_close(
            *(SignalModel(model, records_scores=True)(inputs, **wanted) for model in (shared, whole)), rtol=0, atol=0
        )


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
def test_teacher_pruned_is_for_layers_like_berts(family):
    """Nothing is lost at equal width, where the embeddings are narrower than the layers (ELECTRA's here) too."""
    teacher = family_model(family)
    architecture = shape_of(teacher.config)
    if family in ("albert", "deberta"):
        with pytest.raises(UserError, match=r"initialise: .* layers of .*; set initialise: teacher-svd"):
            initialise_student(teacher, architecture, "teacher-pruned", seed=0)
        return
    student, projections = initialise_student(teacher, architecture, "teacher-pruned", seed=0)
    with torch.no_grad():
        expected, found = (model.eval()(IDS, output_hidden_states=True) for model in (teacher, student))
        restored = projections(-1, found.hidden_states[-1])
    torch.testing.assert_close(restored, expected.hidden_states[-1], rtol=1e-3, atol=1e-4)
    narrow = architecture.model_copy(update={"hidden": 16})
    assert initialise_student(teacher, narrow, "teacher-pruned", seed=0)[0].config.hidden_size == 16


@every_family
def test_logits_of_masked_positions_are_those_of_the_whole_sequence(family):
    model = family_model(family, head=True)
    inputs = {"input_ids": IDS, "attention_mask": torch.ones_like(IDS)}
    masked = torch.zeros_like(IDS, dtype=torch.bool)
    masked[0, 2] = masked[1, 1] = masked[1, 4] = True
    with torch.no_grad():
        found = SignalModel(model, records_scores=False)(inputs, masked=masked)["vocabulary"]
        torch.testing.assert_close(found, model(**inputs).logits[masked])
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
    assert [word.single for word in sentence.words][:4] == [True, True, family in BYTES, True]
