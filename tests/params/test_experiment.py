"""Every mistake that params.yaml alone gives away is one line with the dotted path to it."""

import pytest

from tests.params.conftest import MISSING, SOUND
from tinybert.params.architectures import ARCHITECTURES
from tinybert.params.experiment import load_experiment

SHAPE = {"layers": 4, "hidden": 312, "heads": 12, "intermediate": 9}
FILES = {"train": "a.tsv", "test": 0.1, "validation": 0.1}
MOVIES, MINI, SMALL = "tasks.movies", "general.tinybert4", "students.small"
PIECE = {"package": "b==1", "file": "b-1.whl", "sha256": 64 * "0", "member": "b.zip.001"}
SEEDS = ("seed", f"{MINI}.train.seed", f"{MOVIES}.teacher.seed", f"{MOVIES}.augment.seed", f"{MOVIES}.split.seed")


def test_no_mistake(mistakes):
    assert mistakes() == []


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        # unknown and missing keys
        ("sed", 1, ": unknown key (did you mean 'seed'? known: checkpoint_minutes, downloads, files, general, launch,"),
        (f"{MOVIES}.teacher.learning_rat", 0.1, ": unknown key (did you mean 'learning_rate'?"),
        (f"{MOVIES}.teacher.source", "minilm", ": unknown key (known: batch_size, dropout,"),
        (f"{SMALL}.prediction.losses.logit", 1, ": unknown key (did you mean 'logits'?"),
        ("files.glove.url", "x", ": unknown key (known: column, kind, path, words)"),
        ("seed", MISSING, ": this key is missing"),
        ("tasks", MISSING, ": this key is missing; add it"),
        (f"{SMALL}.intermediate", MISSING, ": this key is missing"),
        # types
        ("files", None, ": expected a mapping of keys (an empty one is {}), found None"),
        (
            "launch",
            "torchrun",
            ": expected a command that ends in -m, as 'torchrun --nproc_per_node 2 -m', found 'torchrun'",
        ),
        ("seed", True, ": expected a valid integer, found True"),
        (f"{MOVIES}.teacher.epochs", "3", ": expected a valid integer, found '3'"),
        (f"{MOVIES}.teacher.epochs", 2.5, ": expected a valid integer, found 2.5"),
        (f"{MINI}.train.epochs", "1", ": expected a valid number, found '1'"),
        (f"{MINI}.train.epochs", float("inf"), ": expected a finite number, found inf"),
        (f"{MOVIES}.teacher", None, ": expected a mapping of keys, found None"),
        (f"{MOVIES}.text", "text", ": expected a valid list, found 'text'"),
        (f"{MOVIES}.label.threshold", True, ": expected a valid number, found True"),
        (f"{MOVIES}.label.drop", [True], ".0: expected text or a number, found True"),
        (f"{MOVIES}.label.names", ["a", 1], ".1: expected text, in quotes, found 1"),
        (f"{MOVIES}.text", ["text", "text"], ": expected values that differ from each other, found ['text', 'text']"),
        # ranges and choices
        ("precision", "fp8", ": expected 'auto', 'fp32', 'bf16' or 'fp16', found 'fp8'"),
        ("name", "../x", ": expected pattern '^[a-z][a-z0-9_-]*$', found '../x'"),
        *((path, -1, ": expected greater than or equal to 0, found -1") for path in SEEDS),
        *((path, 2**32, ": expected less than 4294967296, found 4294967296") for path in SEEDS),
        (f"{MINI}.train.batch_size", 0, ": expected greater than or equal to 1, found 0"),
        (f"{MINI}.train.warmup", 1.0, ": expected less than 1, found 1.0"),
        (f"{MINI}.train.learning_rate", float("nan"), ": expected less than 1, found nan"),
        (f"{MINI}.losses.hidden", float("inf"), ": expected a finite number, found inf"),
        (f"{MINI}.initialise", "svd", ": expected 'random', 'teacher-svd', 'teacher-pruned', "),
        (f"{MINI}.teacher", "x", ": there is no 'x' in downloads or files"),
        (f"{MINI}.start", "other", ": expected 'minilm', the teacher, found 'other'; to take the first weights from"),
        (f"{MOVIES}.augment.probability", 1.5, ": expected less than or equal to 1, found 1.5"),
        (
            f"{MOVIES}.augment.masks_per_pass",
            2,
            ": a copy asks for one word after the other; set context: original, or",
        ),
        (f"{MOVIES}.text", [], ": expected at least 1 item, found []"),
        (f"{SMALL}.prediction.data", "orig", ": expected 'original' or 'augmented', found 'orig'"),
        (f"{SMALL}.prediction.temperature", 0, ": expected greater than 0, found 0"),
        ("downloads.minilm.sha256", 63 * "0", ": expected 64 lower-case hex digits, as `sha256sum` prints them"),
        ("downloads.minilm.package", "b>=1", ": expected name==version, found 'b>=1'"),
        ("downloads.minilm.file", "../b.whl", ": expected an archive's file name"),
        ("downloads.minilm.members", [], ": expected at least 1 item, found []"),
        ("downloads.minilm.members", ["a/../../b"], ".0: expected a path inside the archive"),
        ("downloads.minilm.members", ["b.zip!/etc/x"], ".0: expected a path inside the archive"),
        ("downloads.bert.hubb", "x", ": unknown key (did you mean 'hub'? known: column, file, files, gensim, hub,"),
        ("downloads.bert.hub", "imdb", ": expected owner/name, as in google-bert/bert-base-cased"),
        ("downloads.bert.hub", "../../x", ": expected owner/name"),
        ("downloads.bert.revision", "main", ": expected the 40 lower-case hex digits of a commit, since a branch"),
        ("downloads.bert.revision", int(40 * "1"), ": expected text, in quotes, found 1111"),
        ("downloads.bert.revision", MISSING, ": this key is missing; hub goes with revision"),
        ("downloads.bert.files", ["*"], ": of a model, config, weights and tokenizer are taken"),
        ("downloads.bert.sha256", 16 * "0e1f", ": it doesn't go with hub; remove it"),
        ("downloads.texts.words", 9, ": it belongs to kind vectors, and this is of kind corpus; remove it"),
        ("downloads.dump.url", "ftp://a.org/x", ": expected https://host/path/file, found 'ftp://a.org/x'"),
        ("downloads.dump.url", "https://a.org/x/", ": expected https://host/path/file"),
        ("downloads.dump.sha256", MISSING, ": this key is missing; url goes with sha256"),
        ("downloads.glue.members", MISSING, ": this key is missing; name what to take from the archive"),
        ("downloads.glue.file", "a.zip", ": it doesn't go with url; remove it"),
        ("downloads.gigaword.gensim", "../x", ": expected pattern"),
        ("downloads.minilm.file", MISSING, ": this key is missing; package goes with file, sha256, members"),
        ("downloads.parts.pieces", [PIECE | {"sha": "x"}], ".0.sha: unknown key (did you mean 'sha256'? known: file,"),
        ("downloads.parts.pieces", [PIECE | {"member": "a.001"}], ": expected members called as in models.zip.001, fo"),
        ("downloads.parts.members", MISSING, ": this key is missing; pieces goes with members"),
        (
            "downloads.parts.pieces",
            [],
            "downloads.parts: expected one origin of package, pieces, hub, url, gensim, fou",
        ),
        # what belongs together within an entry
        (f"{MOVIES}.metric", "pearson", ": expected one of accuracy, f1, matthews for classification"),
        (f"{MOVIES}.label.names", None, ": a threshold needs two"),
        (f"{MOVIES}.label", {"column": "rating", "softness": 1.0}, ".softness: it belongs to labels by a threshold"),
        (f"{MOVIES}.label.names", ["a", "a"], ": expected values that differ"),
        (f"{SMALL}.prediction.losses", {}, ": every weight is 0"),
        # where labels and splits come from
        (f"{MOVIES}.label.column", MISSING, ": this key is missing; add it (or columns,"),
        (f"{MOVIES}.label.columns", ["a", "b"], ": expected column or columns, found both; remove one"),
        (f"{MOVIES}.label.values", [0, 1], ": expected names, as many, in the same order, and no threshold"),
        (f"{MOVIES}.label.stride", 16, ": it belongs to type span, and this is of type classification"),
        (f"{MOVIES}.label.separator", "|", ": it belongs to type multilabel, and this is of"),
        (f"{MOVIES}.split.test", 1.0, ": expected a fraction between 0 and 1, or a file of the source"),
        (f"{MOVIES}.split.test", "../dev.tsv", ": expected a fraction between 0 and 1, or a file of the source"),
        (f"{MOVIES}.split.train", "/dev.tsv", ": expected a file of the source, as in train.tsv"),
        (f"{MOVIES}.split.separator", ", ", """: expected one character, as in ";" or "\\t", found ', '"""),
        (f"{MOVIES}.split.quotes", "yes", ": expected a valid boolean, found 'yes'"),
        (f"{MOVIES}.split.tset", "dev.tsv", ": unknown key (did you mean 'test'?"),
        (f"{MOVIES}.columns", "text", ": expected null, a list of names, or a list for each file without a header"),
        (f"{MOVIES}.columns", ["txt", "rating"], f"{MOVIES}.text: there is no 'text' in columns (did you mean 'txt'?"),
        (f"{MOVIES}.columns", ["id", "text"], f"{MOVIES}.label: there is no 'rating' in columns"),
        (f"{MOVIES}.columns", {"trian.tsv": ["id", "text"]}, f"{MOVIES}.columns: there is no 'trian.tsv' in split"),
        (
            "downloads.gigaword.kind",
            "corpus",
            "downloads.gigaword.words: it belongs to kind vectors, and this is of kind",
        ),
        ("downloads.dump.members", ["a.xml"], ": pages-articles.xml.bz2 is no archive (.zip, .whl"),
        # architectures and layer maps
        (f"{MINI}.architecture", 5, ": expected {layers, hidden, heads, intermediate} or a name, found 5"),
        (f"{MINI}.architecture", "tinybert5", ": expected {layers, hidden, heads, intermediate} or a name"),
        (
            f"{MINI}.architecture",
            SHAPE | {"hidden": 310},
            ": hidden (310) is not divisible by heads (12); take hidden 300",
        ),
        (f"{MINI}.architecture", SHAPE | {"heads": "12"}, ".heads: expected a valid integer, found '12'"),
        (f"{MINI}.layer_map", [1, 3, 2, 4], ": expected increasing layers, found"),
        (f"{MINI}.layer_map", [0, 1, 2, 3], ": expected uniform, top, bottom or last, a list of teacher"),
        (f"{MINI}.layer_map", [1, 2, 3, True], ": expected uniform, top, bottom or last, a list of teacher"),
        (f"{MINI}.layer_map", "uniformly", ": expected uniform, top, bottom or last, a list of teacher"),
        (f"{MINI}.layer_map", [1, 2, 3], ": expected 4 teacher layers, one for each student layer, found 3"),
        (f"{MINI}.layer_map", {5: 6}, ": expected student layers from 1 to 4, found 5 in {5: 6}"),
        (f"{MINI}.layer_map", {1: 4, 2: 3}, ": expected increasing layers, found"),
        (f"{MINI}.layer_map", {"last": 6}, ": expected uniform, top, bottom or last, a list of teacher"),
        (f"{SMALL}.prediction.layer_map", {5: 6}, ": expected student layers from 1 to 4"),
        # names of other entries
        (f"{SMALL}.task", "movie", ": there is no 'movie' in tasks (did you mean 'movies'? known: movies)"),
        (f"{SMALL}.general", "tinybert", ": there is no 'tinybert' in general (did you mean 'tinybert4'?"),
        (f"{MOVIES}.source", "review", ": there is no 'review' in downloads or files (did you mean 'reviews'?"),
        (f"{MOVIES}.source", "minilm", ": 'minilm' is of kind model, expected one of kind table"),
        (f"{MOVIES}.teacher.from", "reviews", ": 'reviews' is of kind table, expected one of kind model"),
        (f"{MOVIES}.mlm.corpus", "glove", ": 'glove' is of kind vectors, expected one of kind corpus"),
        # keys of entries
        ("files.minilm", {"path": "a", "kind": "model"}, ": downloads has an entry of that name too; rename one"),
        ("files.My reviews", {"path": "a"}, ": expected a key made of a-z"),
        # where the whole entry, or another key of it, is what is wrong
        (
            "downloads.bert.hub",
            MISSING,
            "downloads.bert: expected one origin of package, pieces, hub, url, gensim, fou",
        ),
        (
            "downloads.bert.gensim",
            "x",
            "downloads.bert: expected one origin of package, pieces, hub, url, gensim, found hub and",
        ),
        ("downloads.gigaword.kind", "table", "downloads.gigaword.words: it belongs to kind vectors"),
        (f"{MOVIES}.split.test", 0.95, f"{MOVIES}.split: test and validation leave no training rows"),
        (f"{MOVIES}.type", "regression", f"{MOVIES}.metric: expected one of pearson, spearman for regression"),
        (f"{MOVIES}.split.test", "dev.tsv", f"{MOVIES}.split.train: this key is missing; add it, since other rows"),
        (f"{MOVIES}.split.unlabelled", {"RTE": "test.tsv"}, f"{MOVIES}.split.train: this key is missing"),
        (f"{MOVIES}.split", FILES | {"test": "a.tsv"}, f"{MOVIES}.split.train: 'a.tsv' is named twice"),
        (
            f"{MOVIES}.split",
            FILES | {"also_test": {"train": "b"}},
            f"{MOVIES}.split.also_test: 'train' is no name for a",
        ),
        (
            f"{MOVIES}.split",
            FILES | {"unlabelled": {"STS-B": "b.tsv"}},
            f"{MOVIES}.split.unlabelled: STS-B is submitted by a task of type regression, found classification",
        ),
        (
            f"{MOVIES}.split",
            FILES | {"unlabelled": {"RTE": "b.tsv"}},
            f"{MOVIES}.label.names: RTE is submitted as entailment, not_entailment, found the classes negative, ",
        ),
        (f"{MOVIES}.type", "multilabel", f"{MOVIES}.metric: expected one of f1_micro, f1_macro, subset_accuracy"),
        (f"{MOVIES}.label", {"columns": ["a", "b"], "separator": "|"}, f"{MOVIES}.label.separator: it belongs to one"),
        (
            f"{SMALL}.intermediate.losses.labels",
            1,
            f"{SMALL}.intermediate.losses: logits and labels belong to the pred",
        ),
    ],
)
def test_a_mistake_is_one_line_that_starts_with_its_path(mistakes, path, value, line):
    (found,) = mistakes(path, value)
    assert found.startswith(path + line if line[0] in ":." else line)


def test_all_mistakes_are_told_at_once(mistakes):
    *others, last = mistakes(MOVIES, {"source": "reviews", "metrc": "accuracy"})
    assert len(others) > 5
    assert last.startswith(
        f"{MOVIES}.metrc: unknown key (did you mean 'metric'? known: above_chance, augment, columns,"
    )


def test_values_arrive_as_meant(tmp_path):
    file = tmp_path / "params.yaml"
    file.write_text(SOUND)
    experiment = load_experiment(file)
    movies, small = experiment.tasks["movies"], experiment.students["small"]
    assert movies.teacher.source == "minilm"
    assert movies.teacher.learning_rate == 1e-4
    assert movies.label.drop == [0, "NA"]
    assert experiment.general["tinybert4"].architecture == ARCHITECTURES["tinybert4"]
    assert {loss: weight for loss, weight in small.prediction.losses.model_dump().items() if weight} == {"logits": 1}
