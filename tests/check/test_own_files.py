"""Your own files are looked at before any stage has run, and again only when they changed."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("file", "content", "expected"),
    [
        ("bert/model.safetensors", None, "files.bert: smoke/bert: a model needs model.safetensors, found config.json"),
        ("bert/model.safetensors", b"?", "files.bert: smoke/bert/model.safetensors: not a whole safetensors file"),
        ("bert/config.json", b'{"model_type": "bart!"}', "files.bert: smoke/bert: no model that can be read"),
        ("vectors.txt", b"the 0.5 1.0\nwet 0.5\n", "files.vectors: smoke/vectors.txt: line 2: expected a word and 2"),
        ("weather.csv", b"txt,label\nx,good\n", "tasks.weather: smoke/weather.csv: there is no column 'text'"),
        ("weather.csv", b"text,label\n", "tasks.weather: smoke/weather.csv: expected rows, found none"),
        ("weather.csv", b"text,label\n" + b"sunny,good\n" * 50, "tasks.weather: smoke/weather.csv: "),
        ("weather.csv", b"text,label\nsunny,gud\n", "tasks.weather: smoke/weather.csv: line 2: "),
        ("weather.csv", b"text,label\ncaf\xe9,good\n", "tasks.weather: smoke/weather.csv: line 2: not UTF-8"),
        ("corpus.txt", b"a caf\xe9 in the rain\n", "files.corpus: smoke/corpus.txt: line 1, byte 5: not UTF-8"),
    ],
)
def test_files_of_ones_own_are_read_before_a_run(mistakes, file, content, expected):
    (Path("smoke") / file).unlink()
    if content is not None:
        (Path("smoke") / file).write_bytes(content)
    (line,) = mistakes()
    assert line.startswith(expected)


def test_what_was_looked_at_is_looked_at_again_only_when_it_changed(mistakes, monkeypatch):
    assert mistakes() == []
    looked = []
    monkeypatch.setattr("tinybert.check.own_files._look_at", lambda file, task: looked.append(file.path) or (None, {}))
    assert (
        mistakes(
            ("epochs: 4,", "epochs: 3,"), ("    metric: accuracy\n", "    metric: accuracy\n    above_chance: false\n")
        )
        == []
    )
    assert looked == []
    with Path("smoke/weather.csv").open("a") as table:
        table.write("a new one,good\n")
    mistakes()
    mistakes(("text: [text]", "text: [label]"))
    assert looked == ["smoke/weather.csv", "smoke/weather.csv"]


def test_of_vectors_the_first_lines_are_read(mistakes):
    with Path("smoke/vectors.txt").open("a") as file:
        file.writelines(f"word{number} {' '.join(['0.5'] * 8)}\n" for number in range(2000))
        file.write("malformed\n")
    assert mistakes() == []
