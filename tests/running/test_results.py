from contextlib import closing

import numpy as np
import pytest

from tinybert.running.progress import keep_progress_in
from tinybert.running.results import as_arrays, as_json, kept_results

NEVER = 1e6  # minutes


@pytest.fixture
def place(tmp_path):
    keep_progress_in(tmp_path, NEVER)
    yield tmp_path
    keep_progress_in(None, 0)


def _squares(stops=None, computed=None):
    def compute(first):
        for number in range(first, 10):
            if number == stops:
                raise KeyboardInterrupt
            if computed is not None:
                computed.append(number)
            yield number**2

    return compute


def _all(part="squares", form=None, most=100, **named):
    with closing(kept_results(part, _squares(**named), form or as_json(), "squares", most)) as results:
        return list(results)


@pytest.mark.parametrize("most", [1, 3, 100])
@pytest.mark.parametrize("stops", [0, 1, 5, 9])
def test_what_was_computed_before_a_stop_is_not_computed_again(place, stops, most, capsys):
    with pytest.raises(KeyboardInterrupt):
        _all(stops=stops, most=most)
    computed = []
    assert _all(computed=computed, most=most) == [number**2 for number in range(10)]
    assert computed == list(range(stops, 10))
    assert f"goes on at {stops} squares" in capsys.readouterr().out or not stops
    computed.clear()
    assert _all(computed=computed) == [number**2 for number in range(10)]
    assert not computed


def test_what_takes_the_results_may_fail(place):
    with closing(kept_results("part", _squares(), as_json(), "squares")) as results, pytest.raises(ZeroDivisionError):
        sum(1 / (square - 16) for square in results)
    computed = []
    assert _all("part", computed=computed)[4] == 16
    assert computed == [5, 6, 7, 8, 9]


@pytest.mark.parametrize("damage", ["flip", "cut", "remove"])
def test_from_a_damaged_folder_on_all_is_computed_again(place, damage, capsys):
    _all(most=2)
    file = place / "squares" / "000000004" / "results.json"
    match damage:
        case "flip":
            file.write_bytes(file.read_bytes().replace(b"16", b"17"))
        case "cut":
            file.write_bytes(file.read_bytes()[:-1])
        case "remove":
            file.unlink()
    computed = []
    assert _all(computed=computed) == [number**2 for number in range(10)]
    assert computed == [4, 5, 6, 7, 8, 9]
    assert "000000004: damaged or cut off" in capsys.readouterr().out
    assert _all(computed=computed) == [number**2 for number in range(10)]
    assert len(computed) == 6


def test_arrays_come_back_as_they_were(tmp_path):
    arrays = [np.random.default_rng(0).normal(size=(3, width)).astype(np.float32) for width in (2, 5)]
    form = as_arrays()
    form.save(arrays, tmp_path)
    for before, after in zip(arrays, form.load(tmp_path), strict=True):
        assert before.dtype == after.dtype
        np.testing.assert_array_equal(before, after)


def test_without_a_place_nothing_is_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert _all() == [number**2 for number in range(10)]
    assert not list(tmp_path.iterdir())
