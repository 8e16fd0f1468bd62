"""`python -m tinybert compare`: what it says is what the rows say."""

import json
import subprocess

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from tests.evaluate.made_up import make_result
from tests.exported import export_tiny
from tests.tiny import weather_rows
from tinybert.__main__ import app
from tinybert.serve.compare import Compared, describe


def lines(sides, most=0):
    return list(describe(sides, most))


def sides(metric, classes, labels, one, other):
    rows = pd.DataFrame({"text": [f"t{row}" for row in range(len(labels))], "label": labels})
    return Compared(("a", "b"), metric, classes, rows, (pd.Series(one), pd.Series(other)))


def test_scores_difference_and_mcnemar_by_hand():
    """Of 200 rows A alone is right on 10 and B alone on 30; p of the sign test is 2 · P(X ≤ 10), X of B(40, ½)."""
    labels = np.array([0, 1] * 100)
    one, other = labels.copy(), labels.copy()
    one[:30] = 1 - one[:30]
    other[30:40] = 1 - other[30:40]
    said = lines(sides("accuracy", ["no", "yes"], labels, one, other), most=2)
    assert "on 200 rows" in said[0]
    assert said[1].split()[:2] == ["A", "85.0"]
    assert said[2].split()[:2] == ["B", "95.0"]
    assert "B − A  10.0 (" in said[3]
    assert said[3].endswith("B is better")
    assert "A alone is right on 10, B alone on 30: p = 0.00222" in said[4]
    assert "80.0 % of the rows alike" in said[5]
    assert said[6:] == ["  right: no, A: yes, B: no  t0", "  right: yes, A: no, B: yes  t1"]


def test_the_same_model_twice_is_not_told_apart():
    labels = np.array([0, 1] * 20)
    said = lines(sides("accuracy", ["no", "yes"], labels, labels, labels))
    assert "0.0 (0.0 – 0.0)" in said[3]
    assert "not told apart" in said[3]
    assert "p = 1" in said[4]


def test_labels_numbers_and_answers():
    several = [[0, 1], [1, 1]] * 10
    said = lines(sides("f1_micro", ["a", "b"], several, several, [[1, 1]] * 20), most=1)
    assert "A alone is right on 10, B alone on 0" in said[4]
    assert said[6] == "  right: b, A: b, B: a, b  t0"
    numbers = [float(number) for number in range(20)]
    said = lines(sides("pearson", [], numbers, numbers, numbers[::-1]))
    assert [line for line in said if "McNemar" in line] == []
    assert said[2].split()[1] == "-100.0"
    texts = [("the rain",), ("snow", "the snow")] * 10
    said = lines(sides("span_f1", [], texts, ["rain", "snow"] * 10, ["rain", ""] * 10), most=1)
    assert "A alone is right on 10, B alone on 0" in said[4]
    assert said[6] == "  right: snow / the snow, A: snow, B:   t1"


def compare(*arguments):
    return CliRunner().invoke(app, ["compare", *map(str, arguments)])


def test_two_folders_on_a_file(tmp_path):
    rows = weather_rows(40)
    one, other = export_tiny(tmp_path, "one", rows), export_tiny(tmp_path, "two", rows, seed=2)
    rows.assign(label=rows["label"].map({0: "bad", 1: "good"})).to_csv(tmp_path / "t.csv", index=False)
    result = compare(one, other, "--file", tmp_path / "t.csv")
    assert result.exit_code == 0, result.output
    assert "accuracy on 40 rows" in result.stdout
    result = compare(one, other)
    assert "the rows to compare on" in result.stderr
    assert result.exit_code == 1


@pytest.mark.slow
def test_two_revisions_of_a_student(tmp_path, monkeypatch):
    """Whose answers lie in DVC's cache; a revision whose answers don't is told in a line."""
    monkeypatch.chdir(tmp_path)

    def run(*command):
        subprocess.run(command, check=True, capture_output=True)

    run("git", "init", "-q")
    run("dvc", "init", "-q")
    result = make_result(0.85, 100, ["no", "yes"])
    name = "movies-tinybert4"
    folder = tmp_path / f"evaluation/default/gathered/{name}"
    folder.mkdir(parents=True)
    (tmp_path / "params.yaml").write_text("name: default\n")
    (tmp_path / "metrics.json").write_text(json.dumps({name: result}))
    for tag, said in (("before", [0, 1, 1, 0]), ("after", [0, 1, 0, 1])):
        rows = pd.DataFrame({"text": list("abcd"), "label": [0, 1, 0, 1], "student": said})
        rows.to_parquet(folder / "test.parquet")
        run("dvc", "add", "-q", str(folder))
        run("git", "add", "-A")
        run("git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", tag)
        run("git", "tag", tag)
    said = compare("before", "after").stdout
    assert "B alone on 2" in said
    assert f"{name} at before" in said
    result = compare("before", "never")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "never: neither a model's folder nor a revision" in result.stderr
    subprocess.run(["rm", "-rf", ".dvc/cache", str(folder)], check=True)
    assert "aren't in DVC's cache" in compare("before", "after").stderr
