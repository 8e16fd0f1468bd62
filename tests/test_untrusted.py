"""Whatever lies in a file, nothing of it runs: the file is read without it, or refused in one line.

A trap takes the place of each file that is read, one after the other, and lies beside them (see `tests.traps`). Whoever
adds a way to read files adds a line to `READERS`: what writes such files, and what reads them.
"""

from __future__ import annotations

import gzip
import io
import pickle
import runpy
import shutil
import zipfile

import jinja2
import joblib
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from tests.evaluate.made_up import experiment, fit, student
from tests.exported import export_tiny
from tests.tiny import tiny_bert, weather_rows
from tests.traps import AUTOS, code, edit, pickles, plant, template
from tinybert.check.layout import lay_out
from tinybert.corpus.documents import write_corpus
from tinybert.errors import UserError
from tinybert.models.loading import head_config, load_classifier, load_masked_lm, load_tokenizer
from tinybert.params.sources import File
from tinybert.params.table import read_yaml
from tinybert.running.damage import find_damaged
from tinybert.runtime.alternatives import open_alternative
from tinybert.serve.open import open_model
from tinybert.serve.streams import read_rows
from tinybert.sources.archives import extract
from tinybert.sources.kinds import store_file

ROWS = weather_rows(40)


def write_model(folder):
    load_classifier(tiny_bert(folder), new_head=head_config(["bad", "good"])).save_pretrained(folder)


def write_shards(folder):
    model = load_classifier(tiny_bert(folder), new_head=head_config(["bad", "good"]))
    (folder / "model.safetensors").unlink()
    model.save_pretrained(folder, max_shard_size="30KB")


def write_export(folder):
    made = export_tiny(folder.parent / "made", "exported", ROWS)
    shutil.copytree(made, folder, dirs_exist_ok=True)


def write_alternatives(folder):
    teacher, data = folder.parent / "teacher", folder.parent / "data"
    write_model(teacher)
    data.mkdir()
    for split in ("train", "validation", "test"):
        ROWS.to_parquet(data / f"{split}.parquet")
    fit(experiment({"s": student()}).tasks["movies"], teacher, data, folder.parent / "fitted")
    shutil.copytree(folder.parent / "fitted", folder, dirs_exist_ok=True)


def write_tables(folder):
    ROWS.to_csv(folder / "a.csv", index=False)
    ROWS.to_csv(folder / "a.tsv", index=False, sep="\t")
    ROWS.to_json(folder / "a.jsonl", orient="records", lines=True)
    ROWS.to_parquet(folder / "a.parquet")
    (folder / "b.csv.gz").write_bytes(gzip.compress((folder / "a.csv").read_bytes()))


def write_corpora(folder):
    write_tables(folder)
    (folder / "a.txt").write_text("\n\n".join(ROWS["text"]))
    (folder / "a.tsv").unlink()


def write_matrix(folder):
    np.save(folder / "v.npy", np.eye(3, dtype=np.float32))
    pq.write_table(pa.table({"word": ["the", "cat", "sat"]}), folder / "v.parquet")


def write_archive(folder):
    with zipfile.ZipFile(folder / "a.zip", "w") as archive:
        archive.writestr("a.txt", "the 1 2\n")


def write_stage_outputs(folder):
    """What is memory-mapped from a cache among them."""
    with pa.ipc.new_stream(folder / "blocks.arrow", pa.schema({"input_ids": pa.list_(pa.int32())})):
        pass
    write_tables(folder)
    write_matrix(folder)
    write_model(folder)


def take(kind):
    return lambda folder: store_file(File(path=str(folder), kind=kind), folder.parent / "out", write_corpus)


def each(read):
    """Read the files of a folder one by one; a mistake in one hides none in another."""

    def read_all(folder):
        mistakes = []
        for file in sorted(folder.iterdir()):
            try:
                read(file)
            except UserError as error:
                mistakes.append(error)
        for mistake in mistakes:
            raise mistake

    return read_all


def ask(folder):
    """All that can be asked of a model's folder."""
    load_masked_lm(folder, new_head=True)
    load_tokenizer(folder)
    return open_model(folder).answer([("the weather was sunny",)])


def open_both(folder):
    for name in ("tfidf", "static"):
        open_alternative(folder / name).logits([("the weather was sunny",)])


def look_for_damage(folder):
    """What a stage does once it failed on one of its inputs."""
    if found := find_damaged([folder]):
        raise UserError(found)


READERS = {
    "import a model": (write_model, take("model")),
    "import shards": (write_shards, take("model")),
    "import a matrix of vectors": (write_matrix, take("vectors")),
    "import vectors": (lambda folder: (folder / "v.bin").write_text("the 1 2\ncat 3 4\n"), take("vectors")),
    "import a corpus": (write_corpora, each(lambda file: take("corpus")(file))),
    "unpack": (write_archive, lambda folder: extract(folder / "a.zip", ["a.txt"], folder.parent, "a.zip")),
    "a model": (write_model, ask),
    "a model in shards": (write_shards, ask),
    "an exported model": (write_export, lambda folder: open_model(folder).answer([("sunny",)])),
    "alternatives": (write_alternatives, open_both),
    "init": (write_tables, each(lay_out)),
    "predict": (write_tables, each(lambda file: list(read_rows(file)))),
    "a stage's inputs": (write_stage_outputs, look_for_damage),
}


def refusal(read, folder):
    """What a user is told; "" where the folder is read."""
    try:
        read(folder)
    except UserError as error:
        return str(error)
    return ""


@pytest.fixture
def mark(tmp_path):
    """A file that is there once a trap has run."""
    return tmp_path / "mark"


@pytest.mark.parametrize("name", READERS)
def test_no_pickle_is_loaded_in_place_of_a_file(name, tmp_path, mark, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write, read = READERS[name]
    good = tmp_path / "good"
    good.mkdir()
    write(good)
    shutil.copytree(good, tmp_path / "folder")
    read(tmp_path / "folder")
    refusals = []
    for file in (each.relative_to(good) for each in sorted(good.rglob("*")) if each.is_file()):
        for kind, content in pickles(mark).items():
            shutil.rmtree(tmp_path / "folder")
            shutil.copytree(good, tmp_path / "folder")
            (tmp_path / "folder" / file).write_bytes(content)
            refusals.append(refusal(read, tmp_path / "folder"))
            assert "\n" not in refusals[-1], (file, kind)
            assert not mark.exists(), (file, kind)
    assert any(refusals)


@pytest.mark.parametrize("name", ["a model in shards", "an exported model", "alternatives"])
def test_what_lies_beside_a_models_files_is_left_alone(name, tmp_path, mark):
    write, read = READERS[name]
    folder = tmp_path / "folder"
    folder.mkdir()
    write(folder)
    for each in [folder, *(each for each in folder.rglob("*") if each.is_dir())]:
        plant(each, mark)
    read(folder)
    assert not mark.exists()


LOCAL, REMOTE = "modeling_trap.Trap", "owner/repo--modeling_trap.Trap"
SAID = {
    "nothing": ({}, {}, None),
    "a custom model": ({"auto_map": dict.fromkeys(AUTOS, LOCAL), "model_type": "trap"}, {}, "`auto_map`"),
    "a custom model, escaped": ({"auto_map": dict.fromkeys(AUTOS, LOCAL), "model_type": "trap"}, {}, "`auto_map`"),
    "a custom class of a known model": ({"auto_map": dict.fromkeys(AUTOS, LOCAL)}, {}, "`auto_map`"),
    "another repository's": ({"auto_map": dict.fromkeys(AUTOS, REMOTE)}, {}, "`auto_map`"),
    "a custom tokenizer": ({}, {"auto_map": {"AutoTokenizer": [LOCAL, LOCAL]}}, "tokenizer_config.json: `auto_map`"),
    "an unknown tokenizer": ({}, {"tokenizer_class": "tokenization_trap.Trap"}, None),
    "a kernel": ({"_attn_implementation": "owner/repo"}, {}, "`_attn_implementation` names code from elsewhere"),
    "a kernel too": ({"attn_implementation": {"": "owner/repo"}}, {}, "`attn_implementation` names code from elsewh"),
    "pickled weights": (
        {"transformers_weights": "adapter_model.bin"},
        {},
        "`transformers_weights` names other weights",
    ),
    "a pipeline": ({"custom_pipelines": {"text-classification": {"impl": "pipeline_trap.Trap"}}}, {}, None),
    "a way to generate": ({"custom_generate": "custom_generate"}, {}, None),
    "a quantiser": ({"quantization_config": {"quant_method": "trap"}}, {}, None),
    "a function": ({"hidden_act": "os.system"}, {}, "no model that can be read"),
    "a chat template": ({}, {"chat_template": "TEMPLATE"}, None),
}
"""By what it names: keys of config.json and of tokenizer_config.json, and a part of the line, if there is one."""


@pytest.mark.parametrize("said", SAID)
@pytest.mark.parametrize("reader", ["import a model", "a model"])
def test_no_code_beside_a_model_is_run(reader, said, tmp_path, mark, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("builtins.input", lambda *_: "y")  # to whether the code may be run
    config, tokenizer, expected = SAID[said]
    folder = tmp_path / "folder"
    write_model(folder)
    plant(folder, mark)
    edit(folder / "config.json", **config)
    edit(folder / "tokenizer_config.json", **tokenizer | ({"chat_template": template(mark)} if tokenizer else {}))
    if said.endswith("escaped"):
        (folder / "config.json").write_text((folder / "config.json").read_text().replace("auto_map", r"auto_\u006dap"))
    read = READERS[reader][1]
    line = refusal(read, folder)
    assert expected in line if expected else not line
    assert "\n" not in line
    assert not mark.exists()
    copied = {file.name for file in tmp_path.glob("out/*")}
    assert copied <= {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}


def test_shards_may_not_be_pickled(tmp_path, mark):
    folder = tmp_path / "folder"
    write_shards(folder)
    index = folder / "model.safetensors.index.json"
    shard = next(folder.glob("model-00001-*"))
    (folder / "pytorch_model.bin").write_bytes(pickles(mark)["torch"])
    index.write_text(index.read_text().replace(shard.name, "pytorch_model.bin"))
    for read in (take("model"), ask):
        with pytest.raises(UserError, match=r"index\.json: names pickled weights, which can run code and are refused"):
            read(folder)
    assert not mark.exists()


def test_what_a_table_says_of_its_types_is_not_run(tmp_path, mark, monkeypatch):
    """Types of one's own were pickled into a Parquet file's schema once; and cells may be anything."""
    monkeypatch.chdir(tmp_path)
    trap = pickles(mark)["pickle"]
    extension = {b"ARROW:extension:name": b"arrow.py_extension_type", b"ARROW:extension:metadata": trap}
    fields = [pa.field("text", pa.string(), metadata=extension), pa.field("label", pa.binary(), metadata=extension)]
    table = pa.table([["sunny", "wet"], [trap, trap]], schema=pa.schema(fields, {"pandas": trap, "huggingface": trap}))
    (tmp_path / "folder").mkdir()
    file = tmp_path / "folder/a.parquet"
    pq.write_table(table, file)
    for read in (take("corpus"), each(lay_out), each(lambda file: list(read_rows(file))), look_for_damage):
        assert "\n" not in refusal(read, file.parent)
    cells = pd.DataFrame({"text": [template(mark), "=cmd|' /C touch mark'!A0", "sunny"], "label": ["a", "b", "c"]})
    cells.to_csv(tmp_path / "folder/a.csv", index=False)
    assert lay_out(tmp_path / "folder/a.csv").frame["text"].tolist() == cells["text"].tolist()
    assert not mark.exists()


@pytest.mark.parametrize("tag", ["!!python/object/apply:pathlib.Path.touch", "!!python/name:os.system"])
def test_params_make_no_objects(tag, tmp_path, mark, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text(f"name: {tag} [{mark}]\n")
    with pytest.raises(UserError) as error:
        read_yaml(tmp_path / "params.yaml")
    assert "\n" not in str(error.value)
    assert not mark.exists()


def test_the_traps_run_where_they_are_let(mark, tmp_path):
    """Else all of the above would hold of anything."""
    load = {
        "pickle": lambda content: pickle.loads(content),
        "torch": lambda content: torch.load(io.BytesIO(content), weights_only=False),
        "numpy": lambda content: np.load(io.BytesIO(content), allow_pickle=True),
        "npz": lambda content: np.load(io.BytesIO(content), allow_pickle=True)["arr_0"],
        "joblib": lambda content: joblib.load(io.BytesIO(content)),
    }
    (tmp_path / "trap.py").write_text(code(mark))
    runs = [lambda kind=kind, content=content: load[kind](content) for kind, content in pickles(mark).items()]
    runs += [lambda: runpy.run_path(str(tmp_path / "trap.py")), lambda: jinja2.Template(template(mark)).render()]
    for run in runs:
        run()
        assert mark.exists()
        mark.unlink()
