"""A message is one line of some length, whatever it quotes; to suggest a name takes a moment among many."""

import pickle
import time

from tinybert.errors import LONGEST, UserError, suggest


def test_what_cant_be_printed_is_escaped():
    line = str(UserError("no column 'a\nb\r\u2028\x1b[31m\ud800', grüße 好"))
    assert line == r"no column 'a\nb\r\u2028\x1b[31m\ud800', grüße 好"
    assert str(pickle.loads(pickle.dumps(UserError(line)))) == line  # as from a process of a pool


def test_a_long_message_lacks_its_middle():
    line = str(UserError(f"t.csv: there is no column {'x' * 10**6}; add it"))
    assert len(line) < LONGEST + 10
    assert line.startswith("t.csv: there is no column")
    assert line.endswith("; add it")


def test_many_long_names():
    start = time.perf_counter()
    line = suggest("label" * 1000, [f"{'label' * 1000}{number}" for number in range(10_000)])
    assert line.startswith(" (did you mean 'labellabel")
    assert time.perf_counter() - start < 5
