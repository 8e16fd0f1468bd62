import io

import pytest

from tinybert.running.bars import Bar


class _Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def log(monkeypatch):
    """A work of seconds a step, where standard error is no terminal: what it prints."""
    clock = _Clock()
    monkeypatch.setattr("tqdm.std.time", clock)

    def lines(steps, seconds):
        stream = io.StringIO()
        monkeypatch.setattr("sys.stderr", stream)
        clock.now = 0.0
        bar = Bar(total=steps, unit=" steps", desc="  training")
        for _ in range(steps):
            clock.now += seconds
            bar.update()
        bar.close()
        return stream.getvalue().splitlines()

    return lines


def test_a_log_gets_a_line_a_minute(log):
    lines = log(300, 1)
    assert lines[0] == "  training: 5 % (15 of 300, 1.00 steps/s), 04:45 left"
    assert lines[1] == "  training: 25 % (75 of 300, 1.00 steps/s), 03:45 left"
    assert len(lines) == 6
    assert lines[-1].startswith("  training: 100 % (300 of 300")


def test_a_long_work_says_at_its_start_how_long_it_will_take(log):
    assert log(2000, 1)[0] == "  training: about 33:05 left, at 1 s a step"
    assert not any("about" in line for line in log(500, 1))


def test_a_short_work_says_nothing(log):
    assert log(10, 1) == []
