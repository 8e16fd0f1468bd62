import pytest
import torch
from transformers import AutoModel, BertConfig, BertForSequenceClassification, BertModel, ModernBertConfig, XLNetConfig

from tests.families import family_model
from tests.tiny import VOCABULARY, tiny_bert, tiny_tokenizer
from tinybert.errors import UserError
from tinybert.models.compatibility import require_existing_student
from tinybert.models.initialise import initialise_student, with_masked_head
from tinybert.models.loading import load_encoder, load_masked_lm
from tinybert.models.narrowing import principal_directions
from tinybert.models.shape import require_start, student_config
from tinybert.params.architectures import ARCHITECTURES, Architecture

SHAPE = Architecture(layers=2, hidden=16, heads=2, intermediate=32)


@pytest.mark.parametrize(
    ("kind", "name", "parameters"),
    [
        # the paper's 14.5M and 67.0M, for BERT's uncased vocabulary and 512 positions, with the pooler
        (BertModel, "tinybert4", 14_350_248),
        (BertForSequenceClassification, "tinybert4", 14_350_874),
        (BertModel, "tinybert6", 66_955_008),
        # The released small BERTs (Turc et al. 2019, arXiv 1908.08962), there rounded to 4.4, 11.3, 29.1 and 41.7M
        (BertModel, "bert-tiny", 4_385_920),
        (BertModel, "bert-mini", 11_170_560),
        (BertModel, "bert-small", 28_763_648),
        (BertModel, "bert-medium", 41_373_184),
    ],
)
def test_named_architectures_have_the_parameters_of_their_papers(kind, name, parameters):
    with torch.device("meta"):
        assert kind(student_config(BertConfig(), ARCHITECTURES[name])).num_parameters() == parameters


@pytest.fixture
def teacher(tmp_path):
    return load_encoder(tiny_bert(tmp_path / "bert"))


def test_random_start_is_a_function_of_the_seed(teacher):
    (first, projections), (again, _), (other, _) = (
        initialise_student(teacher, SHAPE, "random", seed) for seed in (1, 1, 2)
    )
    words = first.get_input_embeddings().weight
    assert torch.equal(words, again.get_input_embeddings().weight)
    assert not torch.equal(words, other.get_input_embeddings().weight)
    assert [tuple(layer.weight.shape) for layer in projections.hidden] == [(24, 16), (24, 16)]
    for name in ("vocab_size", "max_position_embeddings"):
        assert getattr(first.config, name) == getattr(teacher.config, name)


def test_teacher_svd_keeps_what_the_width_can_hold(teacher):
    """Projected and back, the embeddings are the teacher's best approximation of that rank (Eckart-Young)."""
    student, projections = initialise_student(teacher, SHAPE, "teacher-svd", seed=0)
    original = teacher.embeddings.word_embeddings.weight.detach()
    restored = projections.embedding(student.embeddings.word_embeddings.weight).detach()
    u, s, v = torch.linalg.svd(original, full_matrices=False)
    torch.testing.assert_close(restored, u[:, :16] @ torch.diag(s[:16]) @ v[:16], atol=1e-4, rtol=1e-3)
    basis = principal_directions(original, 16)
    for name in ("position_embeddings", "token_type_embeddings"):
        expected = getattr(teacher.embeddings, name).weight @ basis
        torch.testing.assert_close(getattr(student.embeddings, name).weight, expected)


OF_TEACHER = Architecture(layers=2, hidden=24, heads=2, intermediate=48)


@pytest.mark.parametrize(("initialise", "layers"), [("teacher-lower", (1, 2)), ("teacher-spread", (2, 3))])
def test_a_start_from_the_teachers_layers(teacher, initialise, layers):
    """Embeddings and chosen layers are the teacher's: so are the states that come out of the first lower layers."""
    student, projections = initialise_student(teacher, OF_TEACHER, initialise, seed=0)
    for m, g in enumerate(layers):
        for name, weight in student.encoder.layer[m].state_dict().items():
            assert torch.equal(weight, teacher.encoder.layer[g - 1].state_dict()[name])
    ids = torch.tensor([[2, 5, 6, 3]])
    states = [model.eval()(ids, output_hidden_states=True).hidden_states for model in (student, teacher)]
    torch.testing.assert_close(projections.embedding(states[0][0]), states[1][0])
    if initialise == "teacher-lower":
        torch.testing.assert_close(projections.hidden[1](states[0][2]), states[1][2])


SHAPES = {"teacher-lower": OF_TEACHER, "teacher-pruned": SHAPE}


@pytest.mark.parametrize(
    ("initialise", "changes", "message"),
    [
        ("teacher-lower", {"layers": 4}, "needs the teacher's layers 3, found layers 4"),
        ("teacher-lower", {"hidden": 16}, "needs the teacher's hidden 24, found hidden 16"),
        ("teacher-lower", {"heads": 4, "intermediate": 40}, "heads 2, intermediate 48, found heads 4, intermediate 40"),
        ("teacher-pruned", {"hidden": 48}, "needs a student no wider than its teacher, found hidden 48"),
        ("teacher-pruned", {"layers": 4}, "layers 3, found layers 4; take these .or fewer, but for heads. as the"),
        ("teacher-pruned", {"heads": 4, "intermediate": 64}, "intermediate 48, found heads 4, intermediate 64"),
    ],
)
def test_a_shape_that_the_teachers_layers_do_not_fit(teacher, initialise, changes, message):
    shape = SHAPES[initialise]
    require_start(shape, initialise, teacher.config)
    with pytest.raises(UserError, match=message):
        require_start(shape.model_copy(update=changes), initialise, teacher.config)


def test_an_existing_student_is_taken_as_it_is(tmp_path):
    teacher = tiny_bert(tmp_path / "bert")
    start = tiny_bert(tmp_path / "start", layers=2, hidden=16, seed=7)
    require_existing_student(SHAPE, start, teacher)
    student, projections = initialise_student(load_encoder(teacher), SHAPE, "start", 0, start)
    for name, weight in load_encoder(start).state_dict().items():
        assert torch.equal(weight, student.state_dict()[name])
    assert projections.hidden[0].weight.shape == (24, 16)
    message = "start has layers 2, and the architecture layers 3; set architecture: .layers: 2"
    with pytest.raises(UserError, match=message):
        require_existing_student(SHAPE.model_copy(update={"layers": 3}), start, teacher)
    tiny_tokenizer([*VOCABULARY[:-2], "snow", "hail"]).save_pretrained(start)
    with pytest.raises(UserError, match="different vocabularies"):
        require_existing_student(SHAPE, start, teacher)


@pytest.mark.parametrize("shape", [SHAPE, OF_TEACHER])
def test_a_students_masked_head_is_the_teachers_where_it_fits(tmp_path, shape):
    teacher = load_masked_lm(tiny_bert(tmp_path / "bert", head=True))
    student, _ = initialise_student(load_encoder(tmp_path / "bert"), shape, "random", seed=0)
    model = with_masked_head(student, teacher)
    assert model.base_model is student
    assert model.get_output_embeddings().weight is student.get_input_embeddings().weight
    assert torch.equal(model.cls.predictions.bias, teacher.cls.predictions.bias)
    dense, other = model.cls.predictions.transform.dense.weight, teacher.cls.predictions.transform.dense.weight
    assert (dense.shape == other.shape and torch.equal(dense, other)) == (shape is OF_TEACHER)


@pytest.fixture
def modernbert():
    """A teacher of four layers, of which the first and the last see the whole text, the others what is near."""
    shape = {"num_hidden_layers": 4, "hidden_size": 24, "num_attention_heads": 2, "intermediate_size": 48}
    special = {"pad_token_id": 0, "cls_token_id": 2, "sep_token_id": 3, "bos_token_id": 2, "eos_token_id": 3}
    torch.manual_seed(0)
    return AutoModel.from_config(ModernBertConfig(**shape, **special, vocab_size=40, local_attention=4)).eval()


@pytest.mark.parametrize("layers", [2, 4, 5])
@pytest.mark.parametrize("initialise", ["random", "teacher-svd"])
def test_a_student_with_lists_of_its_layers_is_saved_and_loaded(tmp_path, modernbert, layers, initialise):
    shape = SHAPE.model_copy(update={"layers": layers})
    student, _ = initialise_student(modernbert, shape, initialise, seed=0)
    student.save_pretrained(tmp_path / "student")
    again = load_encoder(tmp_path / "student")
    picked = {2: [1, 3], 4: [0, 1, 2, 3], 5: [0, 1, 2, 3, 3]}[layers]  # as the uniform map has it, the last see it all
    assert again.config.layer_types == [modernbert.config.layer_types[layer] for layer in picked]
    ids = torch.tensor([[2, 5, 6, 7, 8, 9, 3]])
    assert again(ids, output_hidden_states=True).hidden_states[-1].shape == (1, 7, 16)


def test_layers_that_are_not_alike_are_not_copied_onto_each_other(modernbert):
    """ModernBERT's first has no normalisation before its attention."""
    shape = OF_TEACHER.model_copy(update={"layers": 2})
    student, _ = initialise_student(modernbert, shape, "teacher-lower", seed=0)
    assert student.config.layer_types == modernbert.config.layer_types[:2]
    with pytest.raises(UserError, match=r"the map uniform gives some to layers that have others; set initialise"):
        initialise_student(modernbert, shape, "teacher-spread", seed=0)


def test_rotary_positions_need_an_even_width_of_a_head(modernbert):
    with pytest.raises(UserError, match=r"hidden 18, heads 2, .*even hidden / heads\); take another architecture"):
        student_config(modernbert.config, SHAPE.model_copy(update={"hidden": 18}))


def test_the_embeddings_of_deberta_v3s_distances_are_cut_as_states_are():
    teacher = family_model("deberta-v2")
    student, projections = initialise_student(teacher, SHAPE, "teacher-pruned", seed=0)
    expected = teacher.encoder.rel_embeddings.weight @ projections.embedding.weight
    torch.testing.assert_close(student.encoder.rel_embeddings.weight, expected)


@pytest.mark.parametrize("initialise", ["teacher-svd", "teacher-pruned"])
def test_embeddings_of_deberta_that_are_narrower_than_its_layers(initialise):
    config = family_model("deberta-v2").config
    config.embedding_size = 12
    torch.manual_seed(0)
    teacher = AutoModel.from_config(config)
    student, projections = initialise_student(teacher, SHAPE, initialise, seed=0)
    assert torch.equal(student.get_input_embeddings().weight, teacher.get_input_embeddings().weight)
    expected = projections.embedding.weight.T @ teacher.embeddings.embed_proj.weight
    torch.testing.assert_close(student.embeddings.embed_proj.weight, expected)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"share_att_key": False}, "attention.self.pos_key_proj.bias, attention.self.pos_key_proj.weight"),
        ({"conv_kernel_size": 3}, "encoder.conv"),  # DeBERTa-v2's of the largest sizes, and v2's first
    ],
)
def test_layers_with_weights_that_nobody_knows_how_to_cut(changes, found):
    config = family_model("deberta-v2").config
    config.update(changes)
    with pytest.raises(UserError, match=rf"layers of a deberta-v2 model \({found}\); set initialise: teacher-svd"):
        initialise_student(AutoModel.from_config(config), SHAPE, "teacher-pruned", seed=0)


def test_a_shape_that_a_family_cannot_have_is_one_line():
    with pytest.raises(UserError, match=r"architecture: no xlnet model can have layers 2, hidden 16.*d_head") as error:
        student_config(XLNetConfig(), SHAPE)
    assert "\n" not in str(error.value)
