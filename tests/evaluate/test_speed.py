"""Times: what is timed, in which order, and how sure the ratios are."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from tests.evaluate.made_up import SENTENCES, experiment, export, fit, student
from tests.evaluate.test_student import save_model
from tinybert.evaluate.contenders import Contenders, FromTokens, sample_batches
from tinybert.evaluate.schema import BASE, STUDENT, TEACHER, TWIN, Speed, read_checked
from tinybert.evaluate.speed import _time, compare_twins, measure_speed
from tinybert.evaluate.throughput import measure_throughput
from tinybert.evaluate.timing import median_interval, rotated, time_rounds
from tinybert.models.heads import SequenceHead
from tinybert.models.loading import load_classifier, load_tokenizer


@pytest.fixture
def folders(tmp_path):
    for name, layers, hidden in (("teacher", 4, 256), ("student", 1, 8)):
        save_model(tmp_path / name, layers, hidden, 2, seed=layers)
    rows = pd.DataFrame({"text": [SENTENCES[row % len(SENTENCES)] for row in range(20)], "label": 0})
    for split in ("train", "validation", "test"):
        rows.to_parquet(tmp_path / f"{split}.parquet")
    return tmp_path


@pytest.fixture
def contenders(folders):
    models = folders / "teacher", folders / "student"
    task = experiment({"s": student()}).tasks["movies"]
    exported = export(folders, task, *models)
    fit(task, models[0], folders, folders / "alternatives")
    return Contenders(*models, exported, folders / "alternatives", folders / "test.parquet", 24)


def test_a_smaller_model_is_faster_and_its_ratio_is_within_its_interval(folders, contenders, quick_measures):
    measure_speed(contenders, folders / "s.json")
    speed = read_checked(folders / "s.json", Speed, "speed")
    away = {f"{who}/{form}" for who in ("teacher", "student") for form in ("onnx", "int8")}
    assert set(speed.models) == {TEACHER, STUDENT, TWIN, BASE, "tfidf", "static"} | away
    assert speed.models["static"].batch32 is not None
    assert speed.models["tfidf"].batch1.ms < speed.models[TEACHER].batch1.ms
    assert speed.models["student/onnx"].batch32 is not None
    assert speed.models["student/int8"].batch32 is None  # quantised dynamically: run text by text
    for name, times in speed.models.items():
        assert (times.texts_per_core_second is None) is (name == TWIN)
        for what, time in times.batches.items():
            assert time.ci95[0] <= time.times_faster <= time.ci95[1], (name, what)
            assert time.rounds == 3
    assert speed.models[STUDENT].batch32_full.ci95[0] > 1.5
    assert speed.models[TEACHER].batch1.ci95 == [1.0, 1.0]
    assert speed.models[STUDENT].texts_per_core_second > speed.models[TEACHER].texts_per_core_second
    assert speed.models[STUDENT].batch1.p99_ms is None  # of three rounds
    assert speed.machine.processor


def test_texts_are_a_sample_at_their_own_length_and_at_full_length(folders):
    tokenizer = load_tokenizer(folders / "teacher")
    rows = pd.read_parquet(folders / "test.parquet")
    batches = sample_batches(SequenceHead(), tokenizer, rows.drop(columns="label"), max_length=24)
    sizes = {name: [tuple(batch.tokens["input_ids"].shape) for batch in each] for name, each in batches.items()}
    lengths = {len(tokenizer(text)["input_ids"]) for text in SENTENCES}
    assert {length for _, length in sizes["batch1"]} <= lengths
    assert sizes["batch32"] == [(32, max(lengths))]
    assert set(sizes["batch1_full"]) == {(1, 24)}
    assert sizes["batch32_full"] == [(32, 24)]
    for name, each in batches.items():  # what is timed from its text reads the same
        for batch in each:
            read = [tokenizer(*text)["input_ids"] for text in batch.texts]
            assert len(read) == len(batch)
            if name.endswith("full"):
                assert min(map(len, read)) >= 24
            else:
                assert list(map(len, read)) == batch.tokens["attention_mask"].sum(1).tolist()
                assert read[0] == batch.tokens["input_ids"][0, : len(read[0])].tolist()


def test_a_slowest_hundredth_is_of_500_times():
    seconds = np.linspace(0.001, 0.002, 510).reshape(15, 34)
    assert _time(seconds, seconds).p99_ms == pytest.approx(1.99, abs=0.001)
    assert _time(seconds[:14], seconds[:14]).p99_ms is None


@pytest.mark.slow
def test_a_model_that_takes_ten_thousand_times_as_long_has_a_ratio_too():
    slow = _time(np.full((9, 20), 10.0), np.full((9, 20), 0.00123456))
    assert (slow.times_faster, slow.ci95) == (0.0001235, [0.0001235, 0.0001235])


def test_each_core_has_an_instance_of_one_thread(contenders):
    """BERT-base's shape among them, which is slower than anything here by orders of magnitude."""
    rates = measure_throughput(contenders, 2)
    assert rates[STUDENT] > 2 * rates[BASE]
    assert {TWIN}.isdisjoint(rates)


def test_each_model_takes_each_place_and_changes_sides():
    orders = [rotated(["a", "b", "c"], number) for number in range(15)]
    assert all(sum(order[place] == name for order in orders) == 5 for place in range(3) for name in "abc")
    after = [(one, other) for order in orders[:6] for one, other in pairwise(order)]
    assert all(after.count((one, other)) == 2 for one in "abc" for other in "abc" if one != other)


def test_rounds_end_with_their_time(folders):
    model = FromTokens(load_classifier(folders / "student"))
    rows = pd.read_parquet(folders / "test.parquet").drop(columns="label")
    batches = sample_batches(SequenceHead(), load_tokenizer(folders / "student"), rows, max_length=24)
    for seconds, rounds in ((0.0, 3), (1000.0, 4)):
        times = time_rounds({"one": model}, batches, 4, seconds)
        assert times["one"]["batch1"].shape == (rounds, 34)


def test_the_interval_is_the_sign_tests():
    """Of 15 values, 95 % are between the fourth and the twelfth, 99.9 % between the second and the fourteenth."""
    values = np.random.default_rng(0).permutation(np.arange(1.0, 16.0))
    assert median_interval(values, 0.95) == (8, 4, 12)
    assert median_interval(values, 0.999) == (8, 2, 14)
    assert median_interval(values[:3], 0.95) == (np.median(values[:3]), min(values[:3]), max(values[:3]))


@pytest.mark.parametrize(("slower", "holds"), [(1.0, True), (1.05, False)])
def test_twins_are_told_apart_by_what_lasts_and_not_by_a_bad_moment(slower, holds):
    random = np.random.default_rng(1)
    times = [{what: random.normal(1, 0.02, (15, 4)) for what in ("batch1", "batch32")} for _ in range(2)]
    times[1]["batch1"][3] *= 30  # somebody else's job
    times[1] = {what: slower * seconds for what, seconds in times[1].items()}
    low, high = compare_twins(*times).interval
    assert (low <= 1 <= high) is holds
