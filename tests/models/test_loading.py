"""What is loaded is what the folder says, or nothing."""

import json
from functools import partial
from io import BytesIO

import numpy as np
import pytest
from safetensors.torch import load_file, save_file
from sentencepiece import SentencePieceProcessor, SentencePieceTrainer
from tokenizers import Tokenizer

from tests.families import family_model, family_tokenizer
from tests.tiny import tiny_bert, weather_report
from tinybert.errors import UserError
from tinybert.models.loading import (
    head_config,
    load_classifier,
    load_encoder,
    load_masked_lm,
    load_tokenizer,
    save_tokenizer,
)
from tinybert.sources.pretrained import copy_model

LOADERS = {
    "encoder": load_encoder,
    "masked language model": partial(load_masked_lm, new_head=True),
    "classifier": partial(load_classifier, new_head=head_config(["bad", "good"])),
}


@pytest.fixture(params=LOADERS.values(), ids=LOADERS)
def load(request):
    return request.param


@pytest.fixture
def folder(tmp_path):
    return tiny_bert(tmp_path / "bert")


def change_config(folder, change):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | change))


@pytest.mark.parametrize("change", [{"num_hidden_layers": 4}, {"hidden_size": 32}], ids=["missing", "other shape"])
def test_an_encoder_is_never_drawn_at_random(folder, load, change):
    load(folder)
    change_config(folder, change)
    with pytest.raises(UserError, match=r"the weights lack .* take the config\.json and the weights of one model"):
        load(folder)


def test_a_head_that_is_not_to_be_new_has_to_fit(folder):
    load_classifier(folder, new_head=head_config(["bad", "good"])).save_pretrained(folder)
    load_classifier(folder)
    three = head_config(["a", "b", "c"])
    change_config(folder, three)
    with pytest.raises(UserError, match=r"first classifier\.(bias|weight)"):
        load_classifier(folder)
    assert load_classifier(folder, new_head=three).config.num_labels == 3


CONFIG, MODEL = "no model configuration that can be read: ", "no model that can be read: "
OF_THEIR_OWN = "put the model's own config.json there, whose model_type transformers knows"
OF_ONE, ANOTHER = "take the config.json and the weights of one model", "take another model"


@pytest.mark.parametrize(
    ("change", "reason", "remedy"),
    [
        ("[]", CONFIG, OF_THEIR_OWN),
        ("{", f"{CONFIG}It looks like the config file at", OF_THEIR_OWN),
        ({"hidden_size": "16"}, f"{CONFIG}.*Field 'hidden_size' expected int, got str", OF_THEIR_OWN),
        ({"model_type": "foo"}, f"{CONFIG}.* model type `foo`", OF_THEIR_OWN),
        ({"model_type": None}, CONFIG, OF_THEIR_OWN),
        ({"hidden_act": "foo"}, f"{MODEL}KeyError: 'foo'", OF_ONE),
        ({"num_attention_heads": 0}, f"{MODEL}ZeroDivisionError", OF_ONE),
        ({"model_type": "gpt2"}, r"expected an encoder \(BERT, .*, found gpt2", ANOTHER),
        ({"model_type": "bart"}, r"expected an encoder \(BERT, .*, found bart", ANOTHER),
        ({"is_decoder": True}, r"expected an encoder .*, found bert with is_decoder: true", ANOTHER),
    ],
)
def test_a_configuration_of_no_encoder_is_one_line(folder, change, reason, remedy):
    if isinstance(change, str):
        (folder / "config.json").write_text(change)
    else:
        change_config(folder, change)
    with pytest.raises(UserError, match=f"^{folder}: {reason}.*; {remedy}") as error:
        load_encoder(folder)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        ("tokenizer.json", '{"a": 1}', "KeyError: 'added_tokens'; put a tokenizer.json there"),
        ("tokenizer.json", "[]", "TypeError: "),
        ("tokenizer_config.json", "[]", "AttributeError: .*; put a tokenizer.json there, with its tokenizer_config"),
        ("tokenizer_config.json", '{"tokenizer_class": "PreTrainedTokenizerFast"}', "no padding token; add pad_token"),
    ],
)
def test_a_tokenizer_that_cannot_be_read_or_cannot_pad_is_one_line(folder, file, content, reason):
    (folder / file).write_text(content)
    with pytest.raises(UserError, match=reason):
        load_tokenizer(folder)


def test_weights_that_are_not_finite_are_refused(folder, load):
    weights = load_file(folder / "model.safetensors")
    weights["embeddings.LayerNorm.weight"][3] = float("nan")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match=r"weights are not finite, first .*embeddings\.LayerNorm\.weight; fetch them"):
        load(folder)


TEXT = "the weather was drizzly in london , paris is lovely today !"


def vocabulary_file(folder):
    """BERT's older repositories: a piece a line."""
    pieces = sorted(family_tokenizer("bert").get_vocab().items(), key=lambda piece: piece[1])
    (folder / "vocab.txt").write_text("".join(f"{piece}\n" for piece, _ in pieces))
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": true}')
    return family_tokenizer("bert").tokenize(TEXT)


def vocabulary_and_merges(folder):
    """RoBERTa's: byte-level BPE."""
    model = json.loads(family_tokenizer("roberta").backend_tokenizer.to_str())["model"]
    (folder / "vocab.json").write_text(json.dumps(model["vocab"]))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{' '.join(merge)}\n" for merge in model["merges"]))
    return family_tokenizer("roberta").tokenize(TEXT)


def sentencepiece_file(folder, name, **special):
    """ALBERT's, DeBERTa v3's and XLM-R's: SentencePiece's own format."""
    random, stream = np.random.default_rng(0), BytesIO()
    texts = [weather_report(random, bool(random.integers(2))) for _ in range(300)]
    SentencePieceTrainer.train(
        sentence_iterator=iter(texts), model_writer=stream, vocab_size=80, hard_vocab_limit=False, num_threads=1,
        minloglevel=2, **special,
    )  # fmt: skip
    (folder / name).write_bytes(stream.getvalue())
    return SentencePieceProcessor(model_proto=stream.getvalue()).encode(TEXT, out_type=str)


PIECES = {"pad_id": 0, "pad_piece": "[PAD]", "unk_id": 3, "unk_piece": "[UNK]"}
PIECES |= {"bos_id": 1, "bos_piece": "[CLS]", "eos_id": 2, "eos_piece": "[SEP]"}
OF_ALBERT = {"pad_id": 0, "unk_id": 1, "bos_id": -1, "eos_id": -1, "control_symbols": "[CLS],[SEP],[MASK]"}
RAW = {
    "bert": (vocabulary_file, ("[CLS]", "[SEP]")),
    "roberta": (vocabulary_and_merges, ("<s>", "</s>")),
    "albert": (partial(sentencepiece_file, name="spiece.model", **OF_ALBERT), ("[CLS]", "[SEP]")),
    "deberta-v2": (partial(sentencepiece_file, name="spm.model", **PIECES), ("[CLS]", "[SEP]")),
    "xlm-roberta": (partial(sentencepiece_file, name="sentencepiece.bpe.model"), ("<s>", "</s>")),
}


def test_a_damaged_tokenizer_is_one_line(tmp_path):
    family_model("deberta-v2").save_pretrained(tmp_path)
    (tmp_path / "spm.model").write_bytes(b"no model at all")
    with pytest.raises(UserError, match=r"damaged SentencePiece file; put a tokenizer\.json there"):
        load_tokenizer(tmp_path)


def test_a_bare_vocabulary_does_not_say_its_case(folder):
    vocabulary_file(folder)
    (folder / "tokenizer.json").unlink()
    assert load_tokenizer(folder).tokenize("The") == ["the"]
    (folder / "tokenizer_config.json").unlink()
    with pytest.raises(UserError, match=r"vocab\.txt doesn't say whether its text is lower-cased; write"):
        load_tokenizer(folder)


@pytest.mark.parametrize("lower", [True, False])
def test_the_rules_are_those_of_tokenizer_json(folder, lower):
    """Or it is refused: where nothing is said, transformers takes its class's, and not those that stand there."""
    text = "The Weather in London"
    rules, said = (json.loads((folder / name).read_text()) for name in ("tokenizer.json", "tokenizer_config.json"))
    rules["normalizer"]["lowercase"] = lower
    padding = {"strategy": {"Fixed": 16}, "direction": "Right", "pad_to_multiple_of": None}
    rules["padding"] = padding | {"pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]"}  # as MiniLM's has it
    (folder / "tokenizer.json").write_text(json.dumps(rules))
    del said["do_lower_case"]
    (folder / "tokenizer_config.json").write_text(json.dumps(said))
    if not lower:
        with pytest.raises(UserError, match=r"json: makes .*'Ärger'.* transformers .*'arger'.*do_lower_case"):
            load_tokenizer(folder)
        said |= {"tokenizer_class": "PreTrainedTokenizerFast"}  # as the message says
        (folder / "tokenizer_config.json").write_text(json.dumps(said))
    own = Tokenizer.from_file(str(folder / "tokenizer.json"))
    own.no_padding()
    assert load_tokenizer(folder)(text)["input_ids"] == own.encode(text).ids


def test_more_entries_than_embeddings(folder):
    tokenizer = load_tokenizer(folder)
    tokenizer.add_tokens(["snowy"])
    tokenizer.save_pretrained(folder)
    with pytest.raises(UserError, match=r"the tokenizer has 38 entries for 37 rows of embeddings in .*; resize these"):
        load_tokenizer(folder)


@pytest.mark.parametrize("family", RAW)
def test_a_tokenizer_in_its_raw_form_is_the_fast_one(tmp_path, family):
    """A model folder without tokenizer.json, imported; what is saved beside the student needs no conversion again."""
    write, (first, last) = RAW[family]
    for folder in ("model", "imported"):
        (tmp_path / folder).mkdir()
    family_model(family).save_pretrained(tmp_path / "model")
    pieces = write(tmp_path / "model")
    copy_model(sorted((tmp_path / "model").iterdir()), tmp_path / "imported")
    tokenizer = load_tokenizer(tmp_path / "imported")
    assert tokenizer(TEXT).tokens() == [first, *pieces, last]
    assert None not in (tokenizer.pad_token_id, tokenizer.mask_token_id, tokenizer.unk_token_id)
    tokenizer.save_pretrained(tmp_path / "student")
    family_model(family).config.save_pretrained(tmp_path / "student")
    assert (tmp_path / "student" / "tokenizer.json").exists()
    saved = load_tokenizer(tmp_path / "student")
    assert saved.get_vocab() == tokenizer.get_vocab()
    assert saved(TEXT, TEXT) == tokenizer(TEXT, TEXT)


def test_what_is_saved_of_a_tokenizer_does_not_depend_on_who_used_it_last(folder, tmp_path):
    tokenizer = load_tokenizer(folder)
    save_tokenizer(tokenizer, tmp_path / "unused")
    tokenizer(["a text of several words"], truncation=True, max_length=4, padding="max_length")
    save_tokenizer(tokenizer, tmp_path / "used")
    unused, used = (
        {file.name: file.read_bytes() for file in (tmp_path / name).iterdir()} for name in ("unused", "used")
    )
    assert unused == used
