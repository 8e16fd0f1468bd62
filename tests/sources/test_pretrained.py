"""A model's folder as it is taken over: safetensors, a tokenizer, no code, and all of one model."""

import gzip
import json
import shutil
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from tests.sources.conftest import failure
from tests.tiny import tiny_bert
from tinybert.corpus.documents import write_corpus
from tinybert.params.sources import File
from tinybert.running.lineage import read_lineage, write_lineage
from tinybert.sources.kinds import store_file

WEIGHTS, CONFIG = Path("m/model.safetensors"), Path("m/config.json")
SHARD = "model-00001-of-00002.safetensors"


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    return tiny_bert(tmp_path_factory.mktemp("bert"))


@pytest.fixture(autouse=True)
def _here(bert, out):
    shutil.copytree(bert, "m")


def store():
    return store_file(File(path="m", kind="model"), Path("out"), write_corpus)


def test_takes_weights_config_and_tokenizer_only():
    Path("m/1_Pooling").mkdir()
    for name in ("pytorch_model.bin", "modeling_evil.py", "README.md", "predictions.json", "1_Pooling/config.json"):
        Path("m", name).write_text("[1, 2")
    assert store()["bytes"] == WEIGHTS.stat().st_size
    taken = ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]
    assert sorted(file.name for file in Path("out").iterdir()) == taken


def test_takes_the_lineage_of_a_student_of_another_run():
    write_lineage(Path("m"), "general-distill@a", {"seed": 1}, {"corpus": CONFIG}, {})
    write_lineage(Path("m"), "prediction-distill@a", {"seed": 1}, {"student": Path("m")}, {})
    store()
    assert read_lineage(Path("out")) == read_lineage(Path("m"))


def change(name, **keys):
    file = Path("m", name)
    file.write_text(json.dumps(json.loads(file.read_text()) | keys))


def index(shard, other):
    WEIGHTS.rename(f"m/{shard}")
    content = {"metadata": {}, "weight_map": {"a": shard, "b": other}}
    Path("m/model.safetensors.index.json").write_text(json.dumps(content))


def one_more_token():
    tokenizer = AutoTokenizer.from_pretrained("m")
    tokenizer.add_tokens(["snowy"])
    tokenizer.save_pretrained("m")


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda: WEIGHTS.rename("m/pytorch_model.bin"), "m/pytorch_model.bin: pickled weights can run code"),
        (lambda: WEIGHTS.rename("m/other.safetensors"), "a model needs model.safetensors, found config.json, other"),
        (lambda: CONFIG.unlink(), "a model needs config.json"),
        (lambda: Path("m/tokenizer.json").unlink(), "needs its tokenizer"),
        (lambda: index(SHARD, SHARD.replace("1", "2", 1)), "No such file or directory: m/model-00002-of-00002.safe"),
        (lambda: index("pytorch_model.bin", "pytorch_model.bin"), "index.json: names pickled weights"),
        (lambda: change("config.json", auto_map={"AutoModel": "evil.Evil"}), "config.json: `auto_map` names code"),
        (lambda: change("tokenizer_config.json", auto_map={}), "tokenizer_config.json: `auto_map` names code"),
        (lambda: WEIGHTS.write_bytes(WEIGHTS.read_bytes()[:-4]), "m/model.safetensors: not a whole safetensors file"),
        (lambda: CONFIG.write_text("[1]"), "m: no model that can be read ("),
        (lambda: CONFIG.write_text("{"), "the config file at 'm/config.json' is not a valid JSON file"),
        (lambda: CONFIG.write_bytes(gzip.compress(CONFIG.read_bytes())), "m/config.json: this is gzip"),
        (lambda: change("config.json", num_hidden_layers=4), "m: of the tensors that config.json asks for"),
        (lambda: change("config.json", hidden_size=32), "or have them in other shapes, first embeddings."),
        (lambda: change("config.json", model_type="foo"), "m: no model that can be read"),
        (
            lambda: Path("m/lineage.json").write_text("{"),
            "m/lineage.json: no lineage as this project writes it (Invalid",
        ),
        (
            lambda: Path("m/lineage.json").write_text('{"stage": 1}'),
            "(stage: Input should be a valid string); remove it",
        ),
        (one_more_token, "m: the tokenizer has 38 entries for 37 rows of embeddings; resize these"),
    ],
)
def test_what_is_no_model_is_one_line(spoil, expected):
    spoil()
    assert expected in failure(store)
