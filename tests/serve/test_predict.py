"""`python -m tinybert predict`, as it is typed."""

import io
import sys

import pandas as pd
import pytest
from typer.testing import CliRunner

from tests.exported import export_tiny
from tests.tiny import weather_rows
from tinybert.__main__ import app
from tinybert.runtime.predictor import open_predictor


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return export_tiny(tmp_path_factory.mktemp("predict"), "out", weather_rows(40))


@pytest.fixture
def rows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = weather_rows(30).assign(id=range(30))
    return rows.assign(label=rows["label"].map({0: "bad", 1: "good"}))


def predict(*arguments, text=None):
    return CliRunner().invoke(app, ["predict", *map(str, arguments)], input=text)


def test_texts_of_the_command_line_and_of_standard_input(folder):
    lines = predict(folder, "so much rain", "lovely sky").stdout.splitlines()
    said = open_predictor(folder).answer([("so much rain",), ("lovely sky",)])
    assert [line.split("\t")[0] for line in lines] == [answer.label for answer in said]
    assert [line.split("\t")[2] for line in lines] == ["so much rain", "lovely sky"]
    piped = pd.read_csv(io.StringIO(predict(folder, text="so much rain\nlovely sky\n").stdout))
    assert piped["prediction"].tolist() == [answer.label for answer in said]
    assert predict(folder, "--pair", "so much rain", "lovely sky").stdout.count("\n") == 1


@pytest.mark.parametrize("name", ["o.csv", "o.jsonl.gz", "o.parquet"])
def test_a_file_keeps_its_columns_and_its_order(folder, rows, name):
    rows.to_csv("t.csv", index=False)
    result = predict(folder, "--file", "t.csv", "--out", name, "--label", "label", "--all")
    assert result.exit_code == 0, result.output
    read = {"o.csv": pd.read_csv, "o.parquet": pd.read_parquet}
    found = read[name](name) if name in read else pd.read_json(name, lines=True)
    assert found["id"].astype(int).tolist() == list(range(30))
    assert list(found) == [*rows, "prediction", "probability", "probability bad", "probability good"]
    right = (found["prediction"] == found["label"]).mean()
    assert f"accuracy {100 * right:.1f} (" in result.stderr
    assert "30 texts" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--file", "t.csv", "--label", "labl"), "there is no column 'labl' (--label); there are text, label, id"),
        (("--file", "other.csv", "--label", "label"), "row 30: out knows no label 'ugly'; it knows bad, good"),
        (("--file", "t.csv", "--column", "txt"), "there is no column 'txt' (did you mean 'text'?"),
        (("--file", "no.csv"), "no.csv: there is no such file"),
        (("--file", "t.csv", "--out", "o.pdf"), "expected a file that ends with"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(folder, rows, tmp_path, arguments, line):
    rows.to_csv("t.csv", index=False)
    rows.assign(label=[*rows["label"][:-1], "ugly"]).to_csv("other.csv", index=False)
    before = sorted(tmp_path.iterdir())
    result = predict(folder, *arguments, *(() if "--out" in arguments else ("--out", "o.csv")))
    (said,) = [each for each in result.stderr.splitlines() if each.startswith("error: ")]
    assert line in said
    assert (result.exit_code, sorted(tmp_path.iterdir())) == (1, before)


def test_a_model_that_is_none(tmp_path):
    result = predict(tmp_path, "a")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "found no config.json in it" in result.stderr


def test_a_million_rows_are_never_in_memory_together(folder, rows, monkeypatch):
    """Rows are asked for when those before them are written."""
    from tinybert.serve import predict as module

    most = []

    def chunks(*_):
        for number in range(5):
            most.append(len(written) - number)
            yield rows

    written = []
    monkeypatch.setattr(module, "read_rows", chunks)
    monkeypatch.setattr(module, "write_rows", lambda *_: Writer(written))
    list(module.predict_file(open_predictor(folder), sys.stdin, None, [], None, None, False))
    assert most == [0] * 5


class Writer:
    def __init__(self, written):
        self.written = written

    def __enter__(self):
        return self.written.append

    def __exit__(self, *_):
        pass
