"""Models and data sets of a hub: what is taken, resumed, checked and kept; each way to fail says what to do."""

from __future__ import annotations

import io
import json
import socket
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import save

from tests.import_closure import ROOT
from tests.sources.conftest import Hub
from tests.sources.hub_server import COMMIT
from tests.text.glue import ROWS, write_hub
from tinybert.errors import UserError
from tinybert.params.experiment import load_experiment
from tinybert.params.sources import Download
from tinybert.sources import hub as module
from tinybert.sources.downloads import store_download
from tinybert.text.tasks import prepare

WEIGHTS = save({"a": np.arange(200_000, dtype=np.float32)})
MODEL = {
    "config.json": b"{}",
    "model.safetensors": WEIGHTS,
    "tokenizer.json": b'{"version": "1.0"}',
    "vocab.txt": b"[PAD]\n",
    "pytorch_model.bin": b"pickle",
    "modeling_evil.py": b"raise SystemExit",
    "README.md": b"# A model",
    "onnx/model.onnx": b"onnx",
}


@pytest.fixture(autouse=True)
def _quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module.fetch_repository, "__defaults__", (module.CACHE, 3, 0.001))


@pytest.fixture
def bert(hub: Hub) -> Hub:
    hub.repositories["models/owner/bert"] = dict(MODEL)
    return hub


def store(kind: str, name: str, **keys: object) -> Path:
    entry = {"kind": kind, "hub": name, "revision": COMMIT, **keys}
    store_download(Download.model_validate(entry), Path("out"))
    return Path("out")


def failure(kind: str, name: str, **keys: object) -> str:
    """The error of a download: one line, and nothing written."""
    with pytest.raises(UserError) as error:
        store(kind, name, **keys)
    assert "\n" not in str(error.value)
    assert not Path("out").exists()
    return str(error.value)


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def parquet(**columns: list[object]) -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.table(columns), stream)
    return stream.getvalue()


def texts(folder: Path) -> list[str]:
    return [text for file in sorted(folder.glob("*.parquet")) for text in pq.read_table(file)["text"].to_pylist()]


class TestModel:
    def test_weights_config_and_tokenizer_are_taken_and_no_code_is_fetched(self, bert: Hub) -> None:
        out = store("model", "owner/bert")
        assert files(out) == ["config.json", "model.safetensors", "tokenizer.json", "vocab.txt"]
        assert (out / "model.safetensors").read_bytes() == WEIGHTS
        fetched = {path.rpartition("/")[2] for _, path, *_ in bert.requests if "/api/" not in path}
        assert fetched == {"config.json", "model.safetensors", "tokenizer.json", "vocab.txt"}

    def test_second_time_without_a_network(self, bert: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        store("model", "owner/bert")
        asked = len(bert.requests)
        monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
        store("model", "owner/bert")
        assert len(bert.requests) == asked

    def test_shards(self, bert: Hub) -> None:
        shards = {f"model-0000{n}-of-00002.safetensors": save({f"w{n}": np.ones(n, np.float32)}) for n in (1, 2)}
        weight_map = {f"w{n}": name for n, name in enumerate(shards, start=1)}
        repository = bert.repositories["models/owner/bert"]
        del repository["model.safetensors"]
        repository |= shards | {"model.safetensors.index.json": json.dumps({"weight_map": weight_map}).encode()}
        out = store("model", "owner/bert")
        assert {name: (out / name).read_bytes() for name in shards} == shards
        assert (out / "model.safetensors.index.json").exists()

    def test_pickled_weights_only(self, bert: Hub) -> None:
        del bert.repositories["models/owner/bert"]["model.safetensors"]
        message = failure("model", "owner/bert")
        assert "pytorch_model.bin is pickled" in message
        assert not bert.asked_for("/owner/bert/resolve")

    def test_code_of_its_own(self, bert: Hub) -> None:
        bert.repositories["models/owner/bert"]["config.json"] = b'{"auto_map": {"AutoModel": "modeling_evil.Evil"}}'
        assert "`auto_map`" in failure("model", "owner/bert")

    def test_token_is_shown_to_the_hub(self, bert: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        bert.token = "hf_secret"
        message = failure("model", "owner/bert")
        assert "private or gated" in message
        assert "HF_TOKEN" in message
        monkeypatch.setenv("HF_TOKEN", "hf_secret")
        assert "model.safetensors" in files(store("model", "owner/bert"))
        assert {auth for _, path, _, auth in bert.requests if path.startswith("/cdn/")} == {None}

    def test_of_another_name_by_now(self, bert: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        """The hub sends who asks for the old name to the new one, with the token, for the listing and each file."""
        monkeypatch.setenv("HF_TOKEN", "hf_secret")
        bert.token, bert.checksums = "hf_secret", False
        bert.moved = {"/owner/old/": "/owner/bert/", "/api/models/owner/old/": "/api/models/owner/bert/"}
        assert (store("model", "owner/old") / "model.safetensors").read_bytes() == WEIGHTS
        ways = {(method, path.startswith("/api/")) for method, path, *_ in bert.requests if "/owner/old/" in path}
        assert ways == {("GET", True), ("HEAD", False), ("GET", False)}

    def test_checksums_that_only_a_files_own_answer_says(self, bert: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        bert.checksums = False
        bert.mishaps = [("cut", 1)]
        out = store("model", "owner/bert")
        assert {name: (out / name).read_bytes() for name in files(out)}.items() <= MODEL.items()
        asked = [path.rpartition("/")[2] for method, path, *_ in bert.requests if method == "HEAD"]
        assert asked == files(out)
        next(Path(".cache").rglob("model.safetensors")).write_bytes(b"spoiled")
        assert (store("model", "owner/bert") / "model.safetensors").read_bytes() == WEIGHTS
        monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
        assert files(store("model", "owner/bert"))


class TestNetwork:
    def test_broken_connection_is_resumed(self, bert: Hub) -> None:
        store("model", "owner/bert")
        next(Path(".cache").rglob("model.safetensors")).unlink()
        bert.requests.clear()
        bert.mishaps = [("cut", 500_000), ("cut", 100_000)]
        assert (store("model", "owner/bert") / "model.safetensors").read_bytes() == WEIGHTS
        first, second, third = bert.asked_for("/cdn/")
        assert first is None
        assert second is not None
        assert third is not None
        assert 0 < int(second[6:-1]) < int(third[6:-1]) <= 600_000

    def test_server_without_range_is_started_anew(self, bert: Hub) -> None:
        bert.ranges = False
        bert.mishaps = [("cut", 1), ("cut", 10)]
        assert (store("model", "owner/bert") / "config.json").read_bytes() == b"{}"

    def test_busy_hub_is_asked_again(self, bert: Hub) -> None:
        bert.api_mishaps = [503, 429]
        bert.mishaps = [("status", 503)]
        assert files(store("model", "owner/bert"))

    def test_hub_that_stays_busy(self, bert: Hub) -> None:
        bert.api_mishaps = [503] * 9
        assert "HTTP 503" in failure("model", "owner/bert")
        assert len(bert.requests) == 3

    def test_no_network(self, bert: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{port}")
        message = failure("model", "owner/bert")
        assert "the hub cannot be reached" in message
        assert "check the network" in message

    @pytest.mark.parametrize("start", ["/api/", "/owner/"])
    def test_redirects_in_a_circle(self, start: str, bert: Hub) -> None:
        bert.moved = {start: start}
        message = failure("model", "owner/bert")
        assert "redirects" in message
        assert "HF_ENDPOINT" in message
        assert len(bert.requests) < 30

    @pytest.mark.parametrize("checksums", [True, False])
    def test_other_bytes_than_the_hub_says(self, checksums: bool, bert: Hub) -> None:
        bert.checksums, bert.wrong = checksums, True
        assert "cannot fetch config.json" in failure("model", "owner/bert")
        assert not list(Path(".cache").rglob("*.part"))

    def test_checksum_of_large_files_is_a_sha256(self, bert: Hub) -> None:
        bert.wrong = True
        bert.repositories["datasets/owner/texts"] = {"a.parquet": parquet(text=["One."])}
        assert "has sha256 " in failure("corpus", "owner/texts")

    def test_spoiled_cache_is_fetched_again(self, bert: Hub) -> None:
        store("model", "owner/bert")
        next(Path(".cache").rglob("model.safetensors")).write_bytes(b"spoiled")
        assert (store("model", "owner/bert") / "model.safetensors").read_bytes() == WEIGHTS

    def test_no_such_repository(self, bert: Hub) -> None:
        message = failure("model", "owner/bart")
        assert "there is no such model" in message
        assert "owner/bart" in message

    def test_a_model_is_no_data_set(self, bert: Hub) -> None:
        message = failure("corpus", "owner/bert")
        assert "there is no such data set" in message

    def test_no_such_commit(self, bert: Hub) -> None:
        assert "correct `revision`" in failure("model", "owner/bert", revision="f" * 40)

    @pytest.mark.parametrize("checksums", [True, False])
    def test_gated(self, checksums: bool, bert: Hub) -> None:
        bert.checksums, bert.gated = checksums, True
        message = failure("model", "owner/bert")
        assert "accept its terms" in message
        assert "HF_TOKEN" in message

    def test_offline_switch(self, bert: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
        assert "HF_HUB_OFFLINE is set" in failure("model", "owner/bert")


class TestDataSet:
    def test_corpus(self, hub: Hub) -> None:
        hub.repositories["datasets/owner/texts"] = {
            "README.md": b"#",
            "data/train-00000-of-00002.parquet": parquet(text=["One.", "Two."]),
            "data/train-00001-of-00002.parquet": parquet(text=["Three."]),
        }
        assert texts(store("corpus", "owner/texts")) == ["One.", "Two.", "Three."]

    def test_patterns_choose_and_column_names_the_text(self, hub: Hub) -> None:
        hub.repositories["datasets/owner/texts"] = {
            "en/a.jsonl": b'{"content": "One."}\n',
            "de/a.jsonl": b'{"content": "Eins."}\n',
            "texts.py": b"raise SystemExit",
        }
        message = failure("corpus", "owner/texts")
        assert "de/*.jsonl" in message
        assert "en/*.jsonl" in message
        assert texts(store("corpus", "owner/texts", files=["en/*"], column="content")) == ["One."]
        assert not hub.asked_for("/cdn/datasets/owner/texts/de")

    def test_splits_of_a_table_keep_their_names(self, hub: Hub) -> None:
        content = {f"mrpc/{split}-00000-of-00001.parquet": parquet(text=[split]) for split in ("train", "test")}
        hub.repositories["datasets/owner/glue"] = {**content, "sst2/train.parquet": b"other"}
        out = store("table", "owner/glue", files=["mrpc/*.parquet"])
        assert {name: (out / name).read_bytes() for name in files(out)} == content

    @pytest.mark.parametrize("checksums", [True, False])
    def test_names_that_addresses_write_otherwise(self, checksums: bool, hub: Hub) -> None:
        content = {"my data/训练 50% #1?.csv": b"text,label\n", "my data/été+1.csv.gz": b"packed"}
        hub.repositories["datasets/owner/reviews"] = dict(content)
        hub.checksums = checksums
        out = store("table", "owner/reviews", files=["my data/*"])
        assert {name: (out / name).read_bytes() for name in files(out)} == content

    @pytest.mark.parametrize("ending", [".csv.gz", ".tsv.gz", ".jsonl.gz", ".json.gz", ".json"])
    def test_a_table_may_be_packed(self, ending: str, hub: Hub) -> None:
        hub.repositories["datasets/owner/reviews"] = {"README.md": b"#", f"train{ending}": b"packed"}
        assert files(store("table", "owner/reviews")) == [f"train{ending}"]

    def test_glue_as_the_papers_preset_takes_it(self, hub: Hub, tmp_path: Path) -> None:
        """A folder a task, in shards, integer labels: from the hub's files to the rows of each of the nine tasks."""
        preset = load_experiment(ROOT / "presets/paper-glue.yaml")
        files: dict[str, bytes] = {"README.md": b"#"}
        for task in preset.tasks:
            write_hub(task, tmp_path / "made" / task)
            for file in (tmp_path / "made" / task).rglob("*.parquet"):
                name = file.relative_to(tmp_path / "made" / task).as_posix()
                files[name if name.startswith("ax/") else f"{task}/{name}"] = file.read_bytes()
        hub.repositories["datasets/nyu-mll/glue"] = files
        out = store("table", "nyu-mll/glue", files=preset.downloads["glue"].files)
        for key, task in preset.tasks.items():
            (tmp_path / key).mkdir()
            split = task.split.model_copy(update={"validation": 0.1})  # a fiftieth of 60 rows is too few to be split
            summary = prepare(out, task.model_copy(update={"split": split}), tmp_path / key)
            assert summary["names"] == task.label.names
            assert sum(summary["rows"].values()) == 2 * ROWS
            assert set(summary["unlabelled"]) == set(task.split.unlabelled)

    def test_a_loading_script_is_not_run(self, hub: Hub) -> None:
        hub.repositories["datasets/owner/texts"] = {"texts.py": b"raise SystemExit", "data.zip": b""}
        message = failure("corpus", "owner/texts")
        assert "found data.zip, texts.py" in message
        assert "texts.py is a loading script" in message

    @pytest.mark.parametrize(
        ("pattern", "expected"), [("x/*", "nothing matches 'x/*'"), ("*.py", "texts.py: expected")]
    )
    def test_patterns_that_give_nothing(self, pattern: str, expected: str, hub: Hub) -> None:
        hub.repositories["datasets/owner/texts"] = {"texts.py": b"", "a.parquet": parquet(text=["One."])}
        assert expected in failure("corpus", "owner/texts", files=[pattern])

    def test_a_name_that_leads_outside(self, hub: Hub) -> None:
        hub.repositories["datasets/owner/texts"] = {"../../evil.txt": b"One."}
        assert "no path inside" in failure("corpus", "owner/texts")
