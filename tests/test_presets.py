"""The paper's settings, as its text and tables have them, key by key in the presets that repeat it."""

import shutil
from collections import Counter
from functools import cache

import pytest
from dvc.utils.hydra import apply_overrides

from tests.import_closure import ROOT
from tinybert.params.architectures import Architecture
from tinybert.params.experiment import load_experiment
from tinybert.params.table import read_yaml

GLUE = ("paper-glue", "paper-procedures", "paper-objectives", "paper-layer-maps")
ABLATIONS = GLUE[1:]
PAPER = (*GLUE, "paper-squad")
DEFAULTS = (
    "ablations",
    "base",
    "baselines",
    "bert-base",
    "best",
    "glue-files",
    "own-csv",
    "small-encoders",
    "squad-files",
)
"""Presets with the default's corpus, model and word vectors."""

LAYERS = {"embedding": 1.0, "hidden": 1.0, "attention": 1.0}
TRIPLE = {"mlm": 2.0, "vocabulary": 5.0, "cosine": 1.0}
SOFT, HARD = {"logits": 1.0}, {"labels": 1.0}
PKD = {"cls": 100.0, "logits": 0.7, "labels": 0.3}

# Tokens, epochs of the intermediate phase, metric of the paper's table, texts, names in the order of the hub's labels.
TASKS = {
    "mnli": (128, 10, "accuracy", 2, ["entailment", "neutral", "contradiction"]),
    "qqp": (128, 10, "f1", 2, ["not_duplicate", "duplicate"]),
    "qnli": (128, 10, "accuracy", 2, ["entailment", "not_entailment"]),
    "sst2": (64, 20, "accuracy", 1, ["negative", "positive"]),
    "cola": (64, 50, "matthews", 1, ["unacceptable", "acceptable"]),
    "stsb": (128, 20, "spearman", 2, None),
    "mrpc": (128, 20, "f1", 2, ["not_equivalent", "equivalent"]),
    "rte": (128, 20, "accuracy", 2, ["entailment", "not_entailment"]),
    "wnli": (128, 20, "accuracy", 2, ["not_entailment", "entailment"]),
}
SQUAD = dict.fromkeys(("squad1", "squad2"), (384, 20, "span_f1", 2, None))
ORIGINAL = ("stsb", *SQUAD)
"""Tasks whose predictions are learnt on the original data."""
TABLES = {"glue": "nyu-mll/glue", "squad1": "rajpurkar/squad", "squad2": "rajpurkar/squad_v2"}

# Architecture, first weights, layer map, losses, epochs of general distillation.
SHAPES = {
    "4/312": Architecture(layers=4, hidden=312, heads=12, intermediate=1200),
    "4/512": Architecture(layers=4, hidden=512, heads=8, intermediate=2048),
    "4/768": Architecture(layers=4, hidden=768, heads=12, intermediate=3072),
    "6/768": Architecture(layers=6, hidden=768, heads=12, intermediate=3072),
}
GENERAL = {
    "tinybert4": ("4/312", "random", "uniform", LAYERS, 3),
    "tinybert6": ("6/768", "random", "uniform", LAYERS, 3),
    "random": ("4/312", "random", "uniform", {}, 0),
    "bert-tiny": ("4/312", "random", "uniform", {"mlm": 1.0}, 3),
    "bert-small": ("4/512", "random", "uniform", {"mlm": 1.0}, 3),
    "pd": ("6/768", "random", "uniform", {"mlm": 1.0}, 3),
    "distilbert4": ("4/768", "teacher-spread", "uniform", TRIPLE, 3),
    "distilbert6": ("6/768", "teacher-spread", "uniform", TRIPLE, 3),
    "minilmv2-4": ("4/312", "random", "last", {"relations": 1.0}, 3),
    "minilmv2-6": ("6/768", "random", "last", {"relations": 1.0}, 3),
    "lower4": ("4/768", "teacher-lower", "uniform", {}, 0),
    "lower6": ("6/768", "teacher-lower", "uniform", {}, 0),
    "without-embedding": ("4/312", "random", "uniform", {"hidden": 1.0, "attention": 1.0}, 3),
    "without-transformer": ("4/312", "random", "uniform", {"embedding": 1.0}, 3),
    "without-attention": ("4/312", "random", "uniform", {"embedding": 1.0, "hidden": 1.0}, 3),
    "without-hidden": ("4/312", "random", "uniform", {"embedding": 1.0, "attention": 1.0}, 3),
    "top": ("4/312", "random", "top", LAYERS, 3),
    "bottom": ("4/312", "random", "bottom", LAYERS, 3),
}
ABLATED = {"random": "undistilled"}
"""What presets/ablations.yaml calls the paper's general students: its undistilled one has the start of the full one."""

# General student; data and losses of the intermediate phase (None: it has none), its layer map;
# data and losses of the prediction phase.
TINYBERT = ("augmented", LAYERS, "uniform", "augmented", SOFT)
TUNED = (None, {}, "uniform", "original", HARD)
VARIANTS = {
    "TinyBERT4": ("tinybert4", *TINYBERT),
    "TinyBERT6": ("tinybert6", *TINYBERT),
    "BERT-tiny": ("bert-tiny", *TUNED),
    "logit distillation": ("bert-tiny", None, {}, "uniform", "original", SOFT),
    "BERT-small": ("bert-small", *TUNED),
    "PD": ("pd", None, {}, "uniform", "original", SOFT),
    "BERT4-PKD": ("lower4", None, {}, "uniform", "original", PKD),
    "BERT6-PKD": ("lower6", None, {}, "uniform", "original", PKD),
    "DistilBERT4": ("distilbert4", *TUNED),
    "DistilBERT6": ("distilbert6", *TUNED),
    "MiniLMv2 4/312": ("minilmv2-4", *TUNED),
    "MiniLMv2 6/768": ("minilmv2-6", *TUNED),
    "full": ("tinybert4", *TINYBERT),
    "without general distillation": ("random", *TINYBERT),
    "without task distillation": ("tinybert4", None, {}, "uniform", "augmented", HARD),
    "without augmentation": ("tinybert4", "original", LAYERS, "uniform", "original", SOFT),
    "general distillation only": ("tinybert4", *TUNED),
    "without prediction loss": ("tinybert4", "augmented", LAYERS, "uniform", "original", HARD),
    "without embedding loss": ("without-embedding", "augmented", {"hidden": 1.0, "attention": 1.0}, *TINYBERT[2:]),
    "without Transformer losses": ("without-transformer", "augmented", {"embedding": 1.0}, *TINYBERT[2:]),
    "without attention loss": ("without-attention", "augmented", {"embedding": 1.0, "hidden": 1.0}, *TINYBERT[2:]),
    "without hidden loss": ("without-hidden", "augmented", {"embedding": 1.0, "attention": 1.0}, *TINYBERT[2:]),
    "top map": ("top", "augmented", LAYERS, "top", "augmented", SOFT),
    "bottom map": ("bottom", "augmented", LAYERS, "bottom", "augmented", SOFT),
}
ROWS = {
    "paper-glue": "TinyBERT4, TinyBERT6, BERT-tiny, logit distillation, BERT-small, PD, BERT4-PKD, BERT6-PKD, "
    "DistilBERT4, DistilBERT6, MiniLMv2 4/312, MiniLMv2 6/768",
    "paper-procedures": "full, without general distillation, without task distillation, without augmentation, "
    "general distillation only, BERT-tiny",
    "paper-objectives": "full, without embedding loss, without prediction loss, without Transformer losses, "
    "without attention loss, without hidden loss",
    "paper-layer-maps": "full, top map, bottom map",
    "paper-squad": "TinyBERT4, TinyBERT6, BERT4-PKD, BERT6-PKD, DistilBERT4, DistilBERT6",
}
ROWS = {name: rows.split(", ") for name, rows in ROWS.items()}

each = pytest.mark.parametrize("name", PAPER)


@cache
def load(name):
    return load_experiment(ROOT / f"presets/{name}.yaml")


def on(losses):
    return {loss: weight for loss, weight in losses.model_dump().items() if weight}


@each
def test_the_table_has_its_rows_on_its_tasks(name):
    experiment = load(name)
    tasks = {"paper-glue": TASKS, "paper-squad": SQUAD}.get(name, ("mnli", "mrpc", "cola"))
    assert set(experiment.tasks) == set(tasks)
    found = Counter((student.task, student.variant) for student in experiment.students.values())
    assert found == Counter((task, variant) for task in tasks for variant in ROWS[name])
    assert experiment.name == name


@each
def test_sources(name):
    downloads, tasks = load(name).downloads, load(name).tasks
    assert {key: (entry.kind, entry.hub) for key, entry in downloads.items()} == {
        "wikipedia": ("corpus", "wikimedia/wikipedia"),
        "bert": ("model", "google-bert/bert-base-uncased"),
        "glove": ("vectors", None),
    } | {task.source: ("table", TABLES[task.source]) for task in tasks.values()}
    assert downloads["wikipedia"].files == ["20231101.en/*.parquet"]
    glove = downloads["glove"]
    assert (glove.url, glove.members) == ("https://nlp.stanford.edu/data/glove.6B.zip", ["glove.6B.300d.txt"])
    for entry in tasks.values():
        assert (entry.mlm.corpus, entry.augment.vectors) == ("wikipedia", "glove")
        for file in [*entry.split.labelled.values(), *entry.split.unlabelled.values()]:
            assert f"{file.split('/')[0]}/*.parquet" in (downloads[entry.source].files or ())


@each
def test_general_distillation(name):
    for key, entry in load(name).general.items():
        shape, start, layer_map, losses, epochs = GENERAL[key]
        assert (entry.architecture, entry.initialise, entry.layer_map) == (SHAPES[shape], start, layer_map), key
        assert on(entry.losses) == losses, key
        assert (entry.corpus, entry.teacher) == ("wikipedia", "bert")
        train = entry.train
        assert (train.epochs, train.batch_size, train.learning_rate, train.max_length) == (epochs, 256, 1e-4, 128), key


@each
def test_tasks(name):
    for key, entry in load(name).tasks.items():
        length, _, metric, texts, names = (TASKS | SQUAD)[key]
        assert (entry.max_length, entry.metric, len(entry.text), entry.label.names) == (length, metric, texts, names)
        assert entry.label.values == (names and list(range(len(names))))
        teacher, augment = entry.teacher, entry.augment
        assert (teacher.source, entry.mlm.source, entry.mlm.steps) == ("bert", "bert", 0)
        assert teacher.epochs in ((2, 3) if key in SQUAD else (2, 3, 4))
        assert teacher.batch_size in (16, 32)
        assert (3e-5 if key in SQUAD else 2e-5) <= teacher.learning_rate <= 5e-5
        assert (augment.copies, augment.probability, augment.candidates) == (20, 0.4, 15)
        if name in GLUE:
            matched = "_matched" if key == "mnli" else ""
            assert entry.split.train == f"{key}/train-*.parquet"
            assert entry.split.test == f"{key}/validation{matched}-*.parquet"
            assert set(entry.split.also_test) == ({"mismatched"} if matched else set())
        else:  # windows of 384 tokens, 128 further each; answers of at most 30, and none in 2.0 alone
            assert (entry.type, entry.label.stride, entry.label.longest_answer) == ("span", 128, 30)
            assert bool(entry.label.no_answer) == (key == "squad2")
            folder = "squad_v2" if key == "squad2" else "plain_text"
            files = {"train": f"{folder}/train-*.parquet", "test": f"{folder}/validation-*.parquet"}
            assert entry.split.labelled == files


@each
def test_students(name):
    for key, entry in load(name).students.items():
        general, data, losses, layer_map, predicted_on, predicted = VARIANTS[entry.variant]
        assert entry.general == general, key
        layers, prediction = entry.intermediate, entry.prediction
        if data is None:
            assert (layers.epochs, layers.data) == (0, "original"), key
        else:
            epochs = (TASKS | SQUAD)[entry.task][1]
            found = (layers.epochs, layers.batch_size, layers.learning_rate, layers.data, layers.layer_map)
            assert found == (epochs, 32, 5e-5, data, layer_map), key
        assert on(layers.losses) == losses, key
        if entry.task in ORIGINAL:
            predicted_on = "original"
        assert (prediction.data, on(prediction.losses)) == (predicted_on, predicted), key
        assert prediction.batch_size in (16, 32), key
        if predicted != PKD:
            assert (prediction.epochs, prediction.temperature) == (3, 1.0), key
            assert prediction.learning_rate in (1e-5, 2e-5, 3e-5), key
        else:  # BERT-PKD's own, and its skip map: every third or second of the teacher's layers, its last left out
            assert (prediction.epochs, prediction.temperature, prediction.learning_rate) == (4, 5.0, 5e-5), key
            skip = {1: 3, 2: 6, 3: 9} if general == "lower4" else {1: 2, 2: 4, 3: 6, 4: 8, 5: 10}
            assert prediction.layer_map == skip, key


def test_the_ablations_at_the_defaults_size_are_the_papers():
    """The same variants as the paper's three tables, with three seeds, those of general distillation among them."""
    experiment = load("ablations")
    rows = {row for name in ABLATIONS for row in ROWS[name]} - {"BERT-tiny", "general distillation only"}
    seeds = Counter((entry.variant, entry.intermediate.seed) for entry in experiment.students.values())
    assert seeds == Counter((row, seed) for row in rows for seed in (1, 2, 3))
    assert list(experiment.tasks) == ["movies"]
    for key, entry in experiment.students.items():
        seed = entry.intermediate.seed
        assert seed == entry.prediction.seed == experiment.general[entry.general].train.seed, key
        general, data, losses, layer_map, predicted_on, predicted = VARIANTS[entry.variant]
        assert entry.general == f"{ABLATED.get(general, general)}-{seed}", key
        assert bool(entry.intermediate.epochs) == (data is not None), key
        assert on(entry.intermediate.losses) == losses, key
        assert (entry.intermediate.data, entry.intermediate.layer_map) == (data or "original", layer_map), key
        assert (entry.prediction.data, on(entry.prediction.losses)) == (predicted_on, predicted), key
    for key, general in experiment.general.items():
        ours = key.rpartition("-")[0]
        _, _, layer_map, losses, epochs = GENERAL["random" if ours == ABLATED["random"] else ours]
        assert (general.layer_map, on(general.losses), general.train.epochs > 0) == (layer_map, losses, epochs > 0), key
        assert general.initialise == "teacher-pruned", key  # one start for all, so that a row is what it says


def test_an_entry_of_one_name_is_one_download():
    """Experiments share what they have fetched; the blocks stand in each file anew, since DVC tracks params.yaml."""
    for first, others in (("../params", DEFAULTS), ("paper-glue", PAPER)):
        for name in others:
            shared = load(name).downloads.keys() & load(first).downloads.keys()
            assert len(shared) >= 3, name
            for key in shared:
                one, other = (load(each).downloads[key].model_copy(update={"files": None}) for each in (first, name))
                assert one == other, f"{name}: downloads.{key}"


def test_baselines_share_what_the_default_makes():
    default, baselines = load_experiment(ROOT / "params.yaml"), load("baselines")
    assert baselines.tasks == default.tasks
    assert baselines.general["tinybert4"] == default.general["tinybert4"]
    ours, theirs = (each.students["movies-tinybert4"] for each in (baselines, default))
    assert (ours.intermediate, ours.prediction) == (theirs.intermediate, theirs.prediction)


def test_the_best_shares_all_before_the_copies_with_the_default():
    default, best = load_experiment(ROOT / "params.yaml"), load("best")
    assert (best.downloads, best.general) == (default.downloads, default.general)
    more = {"augment": default.tasks["movies"].augment}
    assert best.tasks["movies"].model_copy(update=more) == default.tasks["movies"]


def test_a_teacher_of_bert_bases_size_is_one_entry_whoever_it_is():
    base, bert = load("base"), load("bert-base")
    apart = {"base": bert.downloads["base"]}
    assert bert == base.model_copy(update={"name": "bert-base", "downloads": base.downloads | apart})
    assert bert.downloads["base"] == load("paper-glue").downloads["bert"]
    default = load_experiment(ROOT / "params.yaml").tasks["movies"]
    apart = {"teacher": default.teacher, "augment": default.augment}
    assert base.tasks["movies"].model_copy(update=apart) == default  # the rows are the same, and who suggests words


def test_a_small_encoder_stands_beside_a_student_of_its_shape_that_is_cut_from_the_teacher():
    """Pairs of rows differ in their first weights alone; the data are those of presets/bert-base.yaml."""
    found, bert = load("small-encoders"), load("bert-base")
    assert (found.downloads, found.tasks) == (bert.downloads, bert.tasks)
    minilm = Architecture(layers=6, hidden=384, heads=12, intermediate=1536)
    for key, general in found.general.items():
        start = ("minilm", "start") if key.startswith("pretrained") else ("base", "teacher-pruned")
        assert (general.architecture, general.teacher, general.start, general.initialise) == (minilm, "base", *start)
        assert bool(on(general.losses)) == bool(general.train.epochs) == (not key.endswith("-only"))
    for tail, losses in (("", SOFT), ("-fine-tuned", HARD)):
        cut, pretrained = (found.students[f"movies-{start}{tail}"] for start in ("pruned", "pretrained"))
        assert on(cut.prediction.losses) == losses
        names = {"variant": cut.variant, "general": cut.general}
        assert pretrained.variant != cut.variant
        assert pretrained.model_copy(update=names) == cut


@pytest.mark.parametrize(("file", "student"), [("params", "movies"), ("presets/own-csv", "reviews")])
def test_dvc_changes_one_value_and_no_other(tmp_path, file, student):
    """`dvc exp run -S`: entries that shared parts by `<<:` would be put back by DVC, or all changed."""
    path = tmp_path / "params.yaml"
    shutil.copy(ROOT / f"{file}.yaml", path)
    before = read_yaml(path)
    apply_overrides(path, [f"students.{student}-tinybert4.prediction.epochs=7"])
    after = read_yaml(path)
    assert after["students"][f"{student}-tinybert4"]["prediction"].pop("epochs") == 7
    assert before["students"][f"{student}-tinybert4"]["prediction"].pop("epochs") == 1
    assert after == before
