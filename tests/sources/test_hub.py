"""Models of a hub, and its network: what is taken, resumed, checked and kept; each way to fail says what to do."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from tests.sources.conftest import Hub, at_once
from tests.sources.hub_downloads import failure, files, parquet, store
from tests.sources.hub_server import COMMIT
from tinybert.sources.hub import Repository, fetch_repository

pytestmark = pytest.mark.usefixtures("quick_hub")

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


@pytest.fixture
def bert(hub: Hub) -> Hub:
    hub.repositories["models/owner/bert"] = dict(MODEL)
    return hub


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

    def test_two_at_once_fetch_once(self, bert: Hub) -> None:
        bert.pause = 0.3
        repository = Repository("model", "owner/bert", COMMIT)
        first, second = at_once(lambda: fetch_repository(repository, lambda names: ["model.safetensors"]))
        assert first == second
        assert first[1][0].read_bytes() == WEIGHTS
        assert len(bert.asked_for("/cdn/")) == len(bert.asked_for("/api/")) == 1

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

    def test_token_outdoes_netrc(self, bert: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "netrc").write_text("machine 127.0.0.1 login user password other\n")
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        monkeypatch.setenv("HF_TOKEN", "hf_secret")
        bert.token = "hf_secret"
        assert (store("model", "owner/bert") / "model.safetensors").read_bytes() == WEIGHTS

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

    @pytest.mark.parametrize("endpoint", ["foo bar", "ftp://mirror"])
    def test_an_endpoint_that_is_none_is_not_asked_again(
        self, endpoint: str, bert: Hub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("HF_ENDPOINT", endpoint)
        message = failure("model", "owner/bert")
        assert message.startswith(f"owner/bert: {endpoint} cannot be read (")
        assert message.endswith("; check HF_ENDPOINT")
        assert "trying again" not in capsys.readouterr().err

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
