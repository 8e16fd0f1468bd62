"""What lies on a hub after a push, and that each way to fail is one line and sends nothing."""

import json
import shutil
import sys
from pathlib import Path

import pytest
from huggingface_hub import ModelCard

from tests.sources.conftest import in_place
from tests.sources.servers import COMMIT
from tests.sources.written_hub import WrittenHub
from tinybert.__main__ import app
from tinybert.errors import UserError
from tinybert.params.sources import Download
from tinybert.running.digests import digest
from tinybert.serve.push import push
from tinybert.sources.hub import fetch_repository

NAME, INT8 = "weather-tiny", "onnx/model_quantized.onnx"
FILES = ("config.json", "tokenizer.json", "model.safetensors", "onnx/model.onnx", INT8, "lineage.json")
CARD = """---
pipeline_tag: text-classification
---

# weather-tiny

AutoTokenizer.from_pretrained("models/exported/students/weather-tiny"), made of models/students/weather-tiny.
"""


@pytest.fixture
def hub(monkeypatch):
    """With somebody logged in, and without Xet."""
    with in_place(WrittenHub(), monkeypatch) as site:
        monkeypatch.setenv("HF_TOKEN", site.token)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
        yield site


@pytest.fixture
def model(tmp_path, monkeypatch):
    """An exported student, with its card in the report, in the working folder."""
    monkeypatch.chdir(tmp_path)
    folder = Path("models/exported/students") / NAME
    (folder / "onnx").mkdir(parents=True)
    for name in FILES:
        (folder / name).write_text(f"the bytes of {name}")
    (folder / "README.md").write_text("without scores")
    Path("reports/cards").mkdir(parents=True)
    describe(folder)
    return folder


def describe(folder, *more):
    """Say in export.json what lies in the folder, and in the report's card of which model it is."""
    digests = {name: digest(folder / name) for name in (*FILES, *more) if (folder / name).exists()}
    (folder / "export.json").write_text(json.dumps({"files": digests}))
    Path(f"reports/cards/{NAME}.md").write_text(f"{CARD}\n{digests['onnx/model.onnx']}\n")


def test_files_and_the_card_with_scores_lie_there_in_one_commit_seen_by_nobody(hub, model):
    said = push(model, "owner/weather")
    files = hub.repositories["models/owner/weather"]
    assert set(files) == {*FILES, "export.json", "README.md"}
    assert all(files[name] == (model / name).read_bytes() for name in {*files} - {"README.md"})
    assert hub.visibilities["models/owner/weather"] == "private"
    assert [written for _, written, _ in hub.commits] == [set(files)]
    card = ModelCard(files["README.md"].decode())
    assert card.data.pipeline_tag == "text-classification"
    assert 'from_pretrained("owner/weather"), made of models/students/weather-tiny' in card.text
    assert said[-1] == f"pushed to {hub.url}/owner/weather (private), commit {hub.last[:12]}"


def test_what_was_pushed_can_be_a_download(hub, model):
    push(model, "owner/weather")
    entry = Download(kind="model", hub="owner/weather", revision=COMMIT)
    _, files = fetch_repository(entry)
    assert {file.name: file.read_bytes() for file in files}["model.safetensors"] == b"the bytes of model.safetensors"


def test_again_only_what_differs_and_what_the_model_has_no_longer_goes(hub, model):
    push(model, "owner/weather")
    assert "has all of it already" in push(model, "owner/weather")[-1]
    hub.repositories["models/owner/weather"]["LICENSE"] = b"by the owner, on the hub"
    (model / INT8).unlink()
    (model / "config.json").write_text("another")
    describe(model)
    said = push(model, "owner/weather", message="no int8")
    assert len(hub.commits) == 2
    assert hub.commits[-1] == ("no int8", {"config.json", "export.json"}, {INT8})
    assert said[-1].endswith(f"removed {INT8}")
    assert "LICENSE" in hub.repositories["models/owner/weather"]


def test_nobody_publishes_by_accident(hub, model):
    push(model, "owner/open", public=True)
    assert hub.visibilities["models/owner/open"] == "public"
    with pytest.raises(UserError, match=r"owner/open: everybody can see this repository; say --public"):
        push(model, "owner/open")
    assert "(public) has all of it already" in push(model, "owner/open", public=True)[-1]


def test_a_teacher_goes_with_its_own_card(hub, model):
    teacher = shutil.copytree(model, "models/exported/teachers/weather")
    (Path(teacher) / "README.md").write_text('from_pretrained("models/exported/teachers/weather")')
    push(Path(teacher), "owner/teacher")
    assert hub.repositories["models/owner/teacher"]["README.md"] == b'from_pretrained("owner/teacher")'


def test_nothing_else_goes_up(hub, model, tmp_path):
    (model / ".env").write_text("a secret")
    (model / "notes.txt").write_text("a secret")
    (model / "training_args.bin").write_text("a pickle")
    (tmp_path / "models/secret.json").write_text("a secret")
    describe(model, "training_args.bin")
    push(model, "owner/weather")
    assert set(hub.repositories["models/owner/weather"]) == {*FILES, "export.json", "README.md"}
    facts = json.loads((model / "export.json").read_text())
    outside = "../../../secret.json"
    facts["files"][outside] = digest(model / outside)
    (model / "export.json").write_text(json.dumps(facts))
    with pytest.raises(UserError, match=r"secret\.json: it is missing"):
        push(model, "owner/weather")


def test_a_dry_run_sends_nothing(hub, model):
    said = push(model, "owner/weather", dry_run=True)
    assert said[0].startswith("weather-tiny to owner/weather: 8 files, 0.0 MB: README.md, config.json")
    assert not hub.requests


@pytest.mark.parametrize("name", ["weather", "a/b/c", "a/../b", "-a/b", "a/b.git", "a b/c", "", "/"])
def test_names_that_are_none(name, hub, model):
    with pytest.raises(UserError, match="expected owner/name as the hub takes it, such as me/weather-tiny"):
        push(model, name)
    assert not hub.requests


def spoil(model, what):
    if what == "no export":
        (model / "export.json").unlink()
    elif what == "no json":
        (model / "export.json").write_text("{")
    elif what == "no card":
        Path(f"reports/cards/{NAME}.md").unlink()
    elif what == "another's card":
        Path(f"reports/cards/{NAME}.md").write_text(CARD)
    elif what == "missing":
        (model / "tokenizer.json").unlink()
    else:
        (model / "tokenizer.json").write_text("edited")


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("no export", "expected an exported model, with export.json"),
        ("no json", "expected an exported model, with export.json"),
        ("no card", "reports/cards/weather-tiny.md: missing; `dvc repro` writes it"),
        ("another's card", "it is of another model than .*; run `dvc repro report`"),
        ("missing", "tokenizer.json: it is missing"),
        ("edited", "tokenizer.json: it has other bytes than when the model was exported"),
    ],
)
def test_models_that_are_not_whole(what, expected, hub, model):
    spoil(model, what)
    with pytest.raises(UserError, match=expected):
        push(model, "owner/weather")
    assert not hub.requests


@pytest.mark.parametrize(
    ("name", "state", "expected"),
    [
        ("owner/weather", {"token": "another"}, "the hub doesn't know you; log in by `hf auth login`, or set HF_TOKEN"),
        ("other/weather", {}, r"you have no right to write there; .* \(HTTP 403 of .*: no rights\)"),
        ("owner/weather", {"refusals": {"/api/models/": 404}}, "the hub has no such owner or repository"),
        ("owner/weather", {"refusals": {"/api/models/owner/weather/commit": 409}}, "at the same time; run it again"),
        ("owner/weather", {"refusals": {"/lfs/": 503}}, "the hub is at fault; run it again later .HTTP 503"),
        ("owner/weather", {"refusals": {"/owner/weather.git": 500}}, "the hub is at fault"),
        ("owner/weather", {"page_mishaps": [502] * 9}, "the hub is at fault; run it again later .HTTP 502"),
    ],
)
def test_a_hub_that_says_no(name, state, expected, hub, model, monkeypatch, capsys):
    vars(hub).update(state)
    monkeypatch.setattr(sys, "argv", ["tinybert", "push", str(model), name])
    with pytest.raises(SystemExit, match="1"):
        app()
    (line,) = (line for line in capsys.readouterr().err.splitlines() if line.startswith("error: "))
    assert line.startswith(f"error: {name}: ")
    with pytest.raises(UserError, match=expected):
        push(model, name)
    assert not hub.commits


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9", "foo bar", "ftp://mirror"])
def test_a_hub_that_is_not_there(endpoint, hub, model, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    with pytest.raises(UserError, match="owner/weather: the hub cannot be reached") as error:
        push(model, "owner/weather")
    assert "\n" not in str(error.value)


def test_offline_switch(hub, model, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match="HF_HUB_OFFLINE is set; unset it"):
        push(model, "owner/weather")


def test_a_hub_without_xet(hub, model, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", False)
    with pytest.raises(UserError, match="HF_HUB_DISABLE_XET=1 for a hub without Xet"):
        push(model, "owner/weather")
    assert not hub.commits
