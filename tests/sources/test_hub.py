"""Repositories of a hub: what is taken, resumed, checked and kept; each way to fail says what to do."""

import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import load, save

from tests.import_closure import ROOT
from tests.sources.conftest import failure, store
from tests.sources.servers import COMMIT
from tests.tasks.glue import ROWS, write_hub
from tests.tiny import tiny_bert
from tinybert.params.experiment import load_experiment
from tinybert.params.sources import Download
from tinybert.sources.hub import fetch_repository
from tinybert.tasks.prepare import prepare

BERT = {"kind": "model", "hub": "owner/bert", "revision": COMMIT}
TEXTS = {"kind": "corpus", "hub": "owner/texts", "revision": COMMIT}
OTHERS = ("pytorch_model.bin", "modeling_evil.py", "README.md", "predictions.json", "onnx/model.onnx")
INDEX = "model.safetensors.index.json"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tiny_bert(tmp_path_factory.mktemp("bert"), hidden=48)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def bert(hub, model):
    hub.repositories["models/owner/bert"] = model | dict.fromkeys(OTHERS, b"[1, 2")
    return hub


@pytest.fixture
def texts(hub):
    """The files of a data set, to be filled."""
    hub.repositories["datasets/owner/texts"] = files = {"README.md": b"#"}
    return files


def parquet(*lines):
    stream = io.BytesIO()
    pq.write_table(pa.table({"text": lines}), stream)
    return stream.getvalue()


def documents(stored):
    return [text for name in sorted(stored) for text in pq.read_table(io.BytesIO(stored[name]))["text"].to_pylist()]


def test_a_model_is_taken_without_its_code_and_the_second_time_without_a_network(bert, model, monkeypatch):
    assert store(**BERT) == model
    assert {path.rpartition("/")[2] for path, _ in bert.requests if "/api/" not in path} == set(model)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert store(**BERT) == model


def test_shards(bert, model):
    files, tensors = bert.repositories["models/owner/bert"], load(model["model.safetensors"])
    del files["model.safetensors"]
    names = {key: f"model-0000{1 + n % 2}-of-00002.safetensors" for n, key in enumerate(tensors)}
    for shard in set(names.values()):
        part = {key: tensor for key, tensor in tensors.items() if names[key] == shard}
        files[shard] = save(part, metadata={"format": "pt"})
    files[INDEX] = json.dumps({"metadata": {}, "weight_map": names}).encode()
    assert {*names.values(), INDEX} <= {*store(**BERT)}


def test_pickled_weights_only(bert):
    del bert.repositories["models/owner/bert"]["model.safetensors"]
    assert "pytorch_model.bin is pickled" in failure(store, **BERT)
    assert not bert.ranges_of("/owner/bert/resolve")


def test_broken_connection_is_resumed(bert, model, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 10_000)  # or 10 MB
    bert.mishaps = [("cut", 50_000), ("cut", 20_000)]
    monkeypatch.setattr("tinybert.sources.hub.choose_files", lambda download, names: ["model.safetensors"])
    _, (file,) = fetch_repository(Download.model_validate(BERT))
    assert file.read_bytes() == model["model.safetensors"]
    assert [header for header in bert.ranges_of("/cdn/") if header] == ["bytes=50000-", "bytes=70000-"]


def test_other_bytes_than_the_hub_says(bert, texts):
    bert.wrong, texts["a.parquet"] = True, parquet("One.")
    assert "cannot fetch config.json: its bytes are others than the hub says" in failure(store, **BERT)
    assert "cannot fetch a.parquet" in failure(store, **TEXTS)


def test_spoiled_cache_is_fetched_again(bert, model):
    store(**BERT)
    for name in ("model.safetensors", "config.json"):
        next(Path(".cache").rglob(name)).write_bytes(b"spoiled")
    assert store(**BERT) == model


@pytest.mark.parametrize(
    ("entry", "state", "expected"),
    [
        ({"hub": "owner/bart"}, {}, "owner/bart: there is no such model"),
        ({"kind": "corpus"}, {}, "there is no such data set"),
        ({"revision": "f" * 40}, {}, f"no commit {'f' * 40}; correct `hub` and `revision`"),
        ({}, {"gated": True}, "/owner/bert, then log in by `hf auth login`, or set HF_TOKEN"),
        ({}, {"private": True}, "private or gated; correct `hub`, or log in by `hf auth login`, or set HF_TOKEN"),
        ({}, {"page_mishaps": [503] * 9}, "503"),
    ],
)
def test_what_the_hub_refuses(entry, state, expected, bert):
    vars(bert).update(state)
    assert expected in failure(store, **BERT | entry)


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9", "foo bar", "ftp://mirror"])
def test_no_network_or_an_endpoint_that_is_none(endpoint, bert, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    message = failure(store, **BERT)
    assert message.startswith(f"owner/bert: the hub cannot be reached ({endpoint}: ")
    assert message.endswith("; check the network, the proxy and HF_ENDPOINT")


def test_offline_switch(bert, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert "HF_HUB_OFFLINE is set" in failure(store, **BERT)


def test_corpus_in_parts(texts):
    texts["data/train-00000-of-00002.parquet"] = parquet("One.", "Two.")
    texts["data/train-00001-of-00002.parquet"] = parquet("Three.")
    assert documents(store(**TEXTS)) == ["One.", "Two.", "Three."]


def test_patterns_choose_and_column_names_the_text(hub, texts):
    texts |= {"en/a.jsonl": b'{"content": "One."}\n', "de/a.jsonl": b"", "texts.py": b"raise SystemExit"}
    message = failure(store, **TEXTS)
    assert "de/*.jsonl" in message
    assert "en/*.jsonl" in message
    assert documents(store(**TEXTS, files=["en/*"], column="content")) == ["One."]
    assert not hub.ranges_of("/datasets/owner/texts/resolve/" + COMMIT + "/de")


@pytest.mark.parametrize("name", ["mrpc/train-0.parquet", "my data/训练 50% #1?.csv", "my data/été+1.csv.gz", "a.json"])
def test_files_of_a_table_keep_their_names(name, texts):
    texts |= {name: b"rows", "sst2/train.py": b"other"}
    entry = TEXTS | {"kind": "table"}
    assert store(**entry) == store(**entry, files=[name.replace("train", "*")]) == {name: b"rows"}


def test_glue_as_the_papers_preset_takes_it(hub, tmp_path):
    """A folder a task, in shards, integer labels: from the hub's files to the rows of each of the nine tasks."""
    preset = load_experiment(ROOT / "presets/paper-glue.yaml")
    files = hub.repositories["datasets/nyu-mll/glue"] = {"README.md": b"#"}
    for task in preset.tasks:
        write_hub(task, tmp_path / "made")
    made = (tmp_path / "made").rglob("*.parquet")
    files |= {file.relative_to(tmp_path / "made").as_posix(): file.read_bytes() for file in made}
    store(kind="table", hub="nyu-mll/glue", revision=COMMIT, files=preset.downloads["glue"].files)
    for key, task in preset.tasks.items():
        (tmp_path / key).mkdir()
        split = task.split.model_copy(update={"validation": 0.1})  # a fiftieth of 60 rows is too few to be split
        summary = prepare(Path("out"), task.model_copy(update={"split": split}), tmp_path / key)
        assert summary["names"] == task.label.names
        assert sum(summary["rows"].values()) == 2 * ROWS
        assert set(summary["unlabelled"]) == set(task.split.unlabelled)


@pytest.mark.parametrize(
    ("files", "patterns", "expected"),
    [
        ({"texts.py": b"", "data.zip": b""}, None, "found README.md, data.zip, texts.py (texts.py is a loading script"),
        ({"a.parquet": b""}, ["x/*"], "nothing matches 'x/*'"),
        ({"a.parquet": b"", "texts.py": b""}, ["*.py"], "texts.py: expected"),
        ({"../../evil.txt": b"One."}, None, "cannot contain a '..' path segment"),
    ],
)
def test_data_sets_that_give_nothing(files, patterns, expected, texts):
    texts |= files
    assert expected in failure(store, **TEXTS, files=patterns)
