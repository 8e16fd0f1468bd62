"""Models of a hub, and its network: what is taken, resumed, checked and kept; each way to fail says what to do."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from tests.sources.conftest import Hub, at_once
from tests.sources.hub_downloads import failure, files, parquet, store
from tests.sources.hub_server import COMMIT
from tests.tiny import tiny_bert
from tinybert.sources.hub import Repository, fetch_repository

pytestmark = pytest.mark.usefixtures("quick_hub")

TAKEN = ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]
OTHERS = {
    "pytorch_model.bin": b"pickle",
    "modeling_evil.py": b"raise SystemExit",
    "README.md": b"# A model",
    "predictions.json": b"[1, 2",
    "onnx/model.onnx": b"onnx",
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tiny_bert(tmp_path_factory.mktemp("bert"), hidden=48)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def bert(hub: Hub, model: dict[str, bytes]) -> Hub:
    hub.repositories["models/owner/bert"] = model | OTHERS
    return hub


def weights() -> bytes:
    return (store("model", "owner/bert") / "model.safetensors").read_bytes()


class TestModel:
    def test_weights_config_and_tokenizer_are_taken_and_no_code_is_fetched(
        self, bert: Hub, model: dict[str, bytes]
    ) -> None:
        out = store("model", "owner/bert")
        assert {name: (out / name).read_bytes() for name in files(out)} == model
        assert {path.rpartition("/")[2] for _, path, *_ in bert.requests if "/api/" not in path} == set(TAKEN)

    def test_second_time_without_a_network(self, bert: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        store("model", "owner/bert")
        asked = len(bert.requests)
        monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
        store("model", "owner/bert")
        assert len(bert.requests) == asked

    def test_two_at_once_fetch_once(self, bert: Hub, model: dict[str, bytes]) -> None:
        bert.pause = 0.3
        repository = Repository("model", "owner/bert", COMMIT)
        first, second = at_once(lambda: fetch_repository(repository, lambda names: ["model.safetensors"]))
        assert first == second
        assert first[1][0].read_bytes() == model["model.safetensors"]
        assert len(bert.asked_for("/cdn/")) == 1

    def test_shards(self, bert: Hub, model: dict[str, bytes]) -> None:
        from safetensors.numpy import load, save

        repository, tensors = bert.repositories["models/owner/bert"], load(model["model.safetensors"])
        del repository["model.safetensors"]
        names = {key: f"model-0000{1 + n % 2}-of-00002.safetensors" for n, key in enumerate(tensors)}
        for shard in sorted(set(names.values())):
            part = {key: tensor for key, tensor in tensors.items() if names[key] == shard}
            repository[shard] = save(part, metadata={"format": "pt"})
        repository["model.safetensors.index.json"] = json.dumps({"metadata": {}, "weight_map": names}).encode()
        assert {*names.values(), "model.safetensors.index.json"} <= set(files(store("model", "owner/bert")))

    def test_pickled_weights_only(self, bert: Hub) -> None:
        del bert.repositories["models/owner/bert"]["model.safetensors"]
        assert "pytorch_model.bin is pickled" in failure("model", "owner/bert")
        assert not bert.asked_for("/owner/bert/resolve")

    def test_token_is_shown_to_the_hub(self, bert: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """And to nobody else; it outdoes netrc."""
        (tmp_path / "netrc").write_text("machine 127.0.0.1 login user password other\n")
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        bert.token = "hf_secret"
        message = failure("model", "owner/bert")
        assert "private or gated" in message
        assert "HF_TOKEN" in message
        monkeypatch.setenv("HF_TOKEN", "hf_secret")
        assert weights()
        assert {auth for _, path, _, auth in bert.requests if path.startswith("/cdn/")} == {None}

    def test_of_another_name_by_now(self, bert: Hub) -> None:
        bert.moved = {"/owner/old/": "/owner/bert/", "/api/models/owner/old/": "/api/models/owner/bert/"}
        assert files(store("model", "owner/old")) == TAKEN


class TestNetwork:
    def test_broken_connection_is_resumed(
        self, bert: Hub, model: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 10_000)  # or 10 MB
        repository = Repository("model", "owner/bert", COMMIT)
        bert.mishaps = [("cut", 50_000), ("cut", 20_000)]
        _, (file,) = fetch_repository(repository, lambda names: ["model.safetensors"])
        assert file.read_bytes() == model["model.safetensors"]
        assert bert.asked_for("/cdn/") == [None, "bytes=50000-", "bytes=70000-"]

    def test_server_without_range_is_started_anew(self, bert: Hub) -> None:
        bert.ranges = False
        bert.mishaps = [("cut", 1), ("cut", 10)]
        assert weights()

    def test_busy_hub_is_asked_again(self, bert: Hub) -> None:
        bert.api_mishaps = [503, 429]
        bert.mishaps = [("status", 429)]
        assert weights()

    def test_hub_that_stays_busy(self, bert: Hub) -> None:
        bert.api_mishaps = [503] * 9
        assert "503" in failure("model", "owner/bert")

    def test_no_network(self, bert: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{port}")
        message = failure("model", "owner/bert")
        assert "the hub cannot be reached" in message
        assert "check the network" in message

    @pytest.mark.parametrize("endpoint", ["foo bar", "ftp://mirror"])
    def test_an_endpoint_that_is_none(self, endpoint: str, bert: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HF_ENDPOINT", endpoint)
        message = failure("model", "owner/bert")
        assert message.startswith(f"owner/bert: {endpoint} cannot be read (")
        assert message.endswith("; check HF_ENDPOINT")

    @pytest.mark.parametrize("start", ["/api/", "/owner/"])
    def test_redirects_in_a_circle(self, start: str, bert: Hub) -> None:
        bert.moved = {start: start}
        assert "HF_ENDPOINT" in failure("model", "owner/bert")

    def test_other_bytes_than_the_hub_says(self, bert: Hub) -> None:
        bert.wrong = True
        assert "cannot fetch config.json: its bytes are others than the hub says" in failure("model", "owner/bert")
        bert.repositories["datasets/owner/texts"] = {"a.parquet": parquet(text=["One."])}
        assert "cannot fetch a.parquet" in failure("corpus", "owner/texts")

    @pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
    def test_spoiled_cache_is_fetched_again(self, name: str, bert: Hub, model: dict[str, bytes]) -> None:
        store("model", "owner/bert")
        next(Path(".cache").rglob(name)).write_bytes(b"spoiled")
        assert (store("model", "owner/bert") / name).read_bytes() == model[name]

    def test_no_such_repository(self, bert: Hub) -> None:
        message = failure("model", "owner/bart")
        assert "there is no such model" in message
        assert "owner/bart" in message
        assert "there is no such data set" in failure("corpus", "owner/bert")

    def test_no_such_commit(self, bert: Hub) -> None:
        assert "correct `revision`" in failure("model", "owner/bert", revision="f" * 40)

    def test_gated(self, bert: Hub) -> None:
        bert.gated = True
        message = failure("model", "owner/bert")
        assert "accept its terms" in message
        assert "HF_TOKEN" in message

    def test_offline_switch(self, bert: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
        assert "HF_HUB_OFFLINE is set" in failure("model", "owner/bert")
