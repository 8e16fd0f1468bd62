"""Data sets of a hub: which of its files are taken, for a corpus and for a table, and no loading script."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.import_closure import ROOT
from tests.sources.conftest import Hub
from tests.sources.hub_downloads import failure, files, parquet, store, texts
from tests.tasks.glue import ROWS, write_hub
from tinybert.params.experiment import load_experiment
from tinybert.tasks.prepare import prepare

pytestmark = pytest.mark.usefixtures("quick_hub")


def test_corpus(hub: Hub) -> None:
    hub.repositories["datasets/owner/texts"] = {
        "README.md": b"#",
        "data/train-00000-of-00002.parquet": parquet(text=["One.", "Two."]),
        "data/train-00001-of-00002.parquet": parquet(text=["Three."]),
    }
    assert texts(store("corpus", "owner/texts")) == ["One.", "Two.", "Three."]


def test_patterns_choose_and_column_names_the_text(hub: Hub) -> None:
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


def test_splits_of_a_table_keep_their_names(hub: Hub) -> None:
    content = {f"mrpc/{split}-00000-of-00001.parquet": parquet(text=[split]) for split in ("train", "test")}
    hub.repositories["datasets/owner/glue"] = {**content, "sst2/train.parquet": b"other"}
    out = store("table", "owner/glue", files=["mrpc/*.parquet"])
    assert {name: (out / name).read_bytes() for name in files(out)} == content


@pytest.mark.parametrize("checksums", [True, False])
def test_names_that_addresses_write_otherwise(checksums: bool, hub: Hub) -> None:
    content = {"my data/训练 50% #1?.csv": b"text,label\n", "my data/été+1.csv.gz": b"packed"}
    hub.repositories["datasets/owner/reviews"] = dict(content)
    hub.checksums = checksums
    out = store("table", "owner/reviews", files=["my data/*"])
    assert {name: (out / name).read_bytes() for name in files(out)} == content


@pytest.mark.parametrize("ending", [".csv.gz", ".tsv.gz", ".jsonl.gz", ".json.gz", ".json"])
def test_a_table_may_be_packed(ending: str, hub: Hub) -> None:
    hub.repositories["datasets/owner/reviews"] = {"README.md": b"#", f"train{ending}": b"packed"}
    assert files(store("table", "owner/reviews")) == [f"train{ending}"]


def test_glue_as_the_papers_preset_takes_it(hub: Hub, tmp_path: Path) -> None:
    """A folder a task, in shards, integer labels: from the hub's files to the rows of each of the nine tasks."""
    preset = load_experiment(ROOT / "presets/paper-glue.yaml")
    made = tmp_path / "made"
    for task in preset.tasks:
        write_hub(task, made)
    files = {file.relative_to(made).as_posix(): file.read_bytes() for file in made.rglob("*.parquet")}
    hub.repositories["datasets/nyu-mll/glue"] = {"README.md": b"#", **files}
    out = store("table", "nyu-mll/glue", files=preset.downloads["glue"].files)
    for key, task in preset.tasks.items():
        (tmp_path / key).mkdir()
        split = task.split.model_copy(update={"validation": 0.1})  # a fiftieth of 60 rows is too few to be split
        summary = prepare(out, task.model_copy(update={"split": split}), tmp_path / key)
        assert summary["names"] == task.label.names
        assert sum(summary["rows"].values()) == 2 * ROWS
        assert set(summary["unlabelled"]) == set(task.split.unlabelled)


def test_a_loading_script_is_not_run(hub: Hub) -> None:
    hub.repositories["datasets/owner/texts"] = {"texts.py": b"raise SystemExit", "data.zip": b""}
    message = failure("corpus", "owner/texts")
    assert "found data.zip, texts.py" in message
    assert "texts.py is a loading script" in message


@pytest.mark.parametrize(("pattern", "expected"), [("x/*", "nothing matches 'x/*'"), ("*.py", "texts.py: expected")])
def test_patterns_that_give_nothing(pattern: str, expected: str, hub: Hub) -> None:
    hub.repositories["datasets/owner/texts"] = {"texts.py": b"", "a.parquet": parquet(text=["One."])}
    assert expected in failure("corpus", "owner/texts", files=[pattern])


def test_a_name_that_leads_outside(hub: Hub) -> None:
    hub.repositories["datasets/owner/texts"] = {"../../evil.txt": b"One."}
    assert "cannot contain a '..' path segment" in failure("corpus", "owner/texts")
