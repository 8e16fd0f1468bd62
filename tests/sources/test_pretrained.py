"""A model's folder as it is taken over: safetensors, a tokenizer, no code, and all of one model."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from tests.tiny import tiny_bert
from tinybert.corpus.documents import write_corpus
from tinybert.errors import UserError
from tinybert.params.sources import File
from tinybert.sources.kinds import store_file

TAKEN = ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]
INDEX = "model.safetensors.index.json"


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bert(tmp_path_factory.mktemp("bert"))


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(bert, "m")


def failure(path: str = "m") -> str:
    with pytest.raises(UserError) as error:
        store_file(File(path=path, kind="model"), Path("out/mine"), write_corpus)
    assert "\n" not in str(error.value)
    assert not Path("out").exists() or not list(Path("out").iterdir())
    return str(error.value)


def change(name: str, **keys: object) -> None:
    file = Path("m", name)
    file.write_text(json.dumps(json.loads(file.read_text()) | keys))


def test_takes_weights_config_and_tokenizer_only() -> None:
    Path("m/1_Pooling").mkdir()
    for name in ("pytorch_model.bin", "modeling_evil.py", "README.md", "predictions.json", "1_Pooling/config.json"):
        Path("m", name).write_text("[1, 2")
    counts = store_file(File(path="m", kind="model"), Path("out/mine"), write_corpus)
    assert sorted(file.name for file in Path("out/mine").iterdir()) == TAKEN
    assert counts["bytes"] == Path("m/model.safetensors").stat().st_size


def rename(name: str) -> None:
    Path("m/model.safetensors").rename(Path("m", name))


def index(weight_map: object) -> Callable[[], object]:
    def write() -> None:
        rename("model-00001-of-00002.safetensors")
        Path("m", INDEX).write_text(json.dumps({"weight_map": weight_map}))

    return write


def cut() -> None:
    file = Path("m/model.safetensors")
    file.write_bytes(file.read_bytes()[:-4])


def one_more_token() -> None:
    tokenizer = AutoTokenizer.from_pretrained("m")
    tokenizer.add_tokens(["snowy"])
    tokenizer.save_pretrained("m")


def pack() -> None:
    Path("m/config.json").write_bytes(gzip.compress(Path("m/config.json").read_bytes()))


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda: rename("pytorch_model.bin"), "m/pytorch_model.bin: pickled weights can run code"),
        (lambda: rename("other.safetensors"), "a model needs model.safetensors, found config.json, other"),
        (lambda: Path("m/config.json").unlink(), "a model needs config.json"),
        (lambda: Path("m/tokenizer.json").unlink(), "needs its tokenizer"),
        (index({f"{n}": f"model-0000{n}-of-00002.safetensors" for n in (1, 2)}), "names model-00002-of-00002.safe"),
        (index(None), "expected a weight_map"),
        (index({"a": "../model.safetensors"}), "expected a weight_map"),
        (index({"a": "pytorch_model.bin"}), "expected a weight_map"),
        (lambda: change("config.json", auto_map={"AutoModel": "evil.Evil"}), "config.json: `auto_map` names code"),
        (lambda: change("tokenizer_config.json", auto_map={}), "tokenizer_config.json: `auto_map` names code"),
        (cut, "m/model.safetensors: not a whole safetensors file"),
        (lambda: Path("m/config.json").write_text("[1]"), "m/config.json: expected a JSON object, found [1]; replace"),
        (lambda: Path("m/config.json").write_text("{"), "config.json: not valid JSON"),
        (pack, "m/config.json: this is gzip; replace it"),
        (lambda: change("config.json", num_hidden_layers=4), "m: of the tensors that config.json asks for"),
        (lambda: change("config.json", hidden_size=32), "or have them in other shapes, first embeddings."),
        (lambda: change("config.json", model_type="foo"), "m: no model that can be read"),
        (one_more_token, "m: the tokenizer has 38 entries for 37 rows of embeddings; resize these"),
    ],
)  # fmt: skip
def test_what_is_no_model_is_one_line(spoil: Callable[[], object], expected: str) -> None:
    spoil()
    assert expected in failure()


def test_a_file_of_the_model() -> None:
    message = failure("m/model.safetensors")
    assert message == "m/model.safetensors: a model is a folder, found a file; give the model's folder in `path`"
