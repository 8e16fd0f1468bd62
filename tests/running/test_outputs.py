"""Outputs appear whole or not at all."""

import multiprocessing
import os
from contextlib import suppress
from pathlib import Path

import pytest

from tinybert.running.outputs import whole_file, whole_folder


def names(folder):
    return [path.name for path in folder.iterdir()]


def fail(writer, to=""):
    """Write something, and end in an error."""
    with suppress(ZeroDivisionError), writer as partial:
        (partial / to).write_text("second")
        raise ZeroDivisionError


def exit_codes(target, *calls):
    """Of processes that do `target` with these arguments, at once."""
    writers = [multiprocessing.get_context("spawn").Process(target=target, args=arguments) for arguments in calls]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    return [writer.exitcode for writer in writers]


def test_a_folder_takes_the_place_of_the_old_one(tmp_path):
    folder = tmp_path / "a/out"
    for content in ("first", "second"):
        with whole_folder(folder) as partial:
            assert names(partial) == []
            (partial / content).touch()
        assert (names(folder), names(folder.parent)) == ([content], ["out"])


def test_a_failure_leaves_the_old_folder_and_nothing_else(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/old").touch()
    fail(whole_folder(tmp_path / "out"), "new")
    assert (names(tmp_path / "out"), names(tmp_path)) == (["old"], ["out"])


def test_what_a_killed_process_left_is_not_in_the_next_output(tmp_path):
    for left in (".out.partial", ".out.old.partial"):
        (tmp_path / left).mkdir()
        (tmp_path / left / "left").touch()
    for content in ("first", "second"):
        with whole_folder(tmp_path / "out") as partial:
            (partial / content).touch()
        assert (names(tmp_path / "out"), names(tmp_path)) == ([content], ["out"])


def die_at_rename(folder, of):
    rename = Path.rename
    Path.rename = lambda path, target: os._exit(9) if path.name == of else rename(path, target)
    with whole_folder(folder) as partial:
        (partial / "new").touch()


@pytest.mark.parametrize("of", ["out", ".out.partial"])
def test_a_process_killed_while_it_replaces_a_folder_does_not_lose_the_old_one(tmp_path, of):
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "old").touch()
    assert exit_codes(die_at_rename, (folder, of)) == [9]
    fail(whole_folder(folder), "new")
    assert (names(folder), names(tmp_path)) == (["old"], ["out"])


def test_a_file_is_replaced_in_one_step_or_stays(tmp_path):
    file = tmp_path / "a/out.json"
    with whole_file(file) as partial:
        partial.write_text("first")
    fail(whole_file(file))
    assert (file.read_text(), names(file.parent)) == ("first", ["out.json"])


def die_while_writing(file):
    with whole_file(file) as partial:
        partial.write_text("half")
        os._exit(9)


def test_a_file_that_a_killed_process_left_is_removed_by_the_next_writer(tmp_path):
    assert exit_codes(die_while_writing, (tmp_path / "out",)) == [9]
    assert [file.suffix for file in tmp_path.iterdir()] == [".partial"]
    with whole_file(tmp_path / "out") as partial:
        partial.write_text("whole")
    assert names(tmp_path) == ["out"]


def write_slowly(file, letter, barrier):
    with whole_file(file) as partial, partial.open("w") as stream:
        stream.write(letter * 1000)
        stream.flush()
        barrier.wait(60)  # both have begun and none has ended
        stream.write(letter * 1000)


def test_of_two_processes_that_write_one_file_at_once_each_writes_it_whole(tmp_path):
    barrier = multiprocessing.get_context("spawn").Barrier(2)
    assert exit_codes(write_slowly, *((tmp_path / "out", letter, barrier) for letter in "ab")) == [0, 0]
    assert (tmp_path / "out").read_text() in ("a" * 2000, "b" * 2000)
    assert names(tmp_path) == ["out"]


def test_files_that_are_shown_can_be_watched_while_they_are_written(tmp_path):
    place = tmp_path / "curves"
    place.mkdir()  # as DVC leaves it, which removes the files in it
    with whole_folder(place, shown=["losses.csv"]) as partial:
        (partial / "losses.csv").write_text("step\n")
        assert (place / "losses.csv").read_text() == "step\n"
    assert not (place / "losses.csv").is_symlink()
    with pytest.raises(ZeroDivisionError), whole_folder(place, shown=["losses.csv"]):
        1 / (place / "losses.csv").read_text().count(",")  # what was there before stays until the end
    assert (place / "losses.csv").read_text() == "step\n"


def test_who_removes_what_is_shown_removes_a_link(tmp_path):
    place = tmp_path / "curves"
    with whole_folder(place, shown=["losses.csv"]) as partial:
        (partial / "losses.csv").write_text("step\n")
        (place / "losses.csv").unlink()  # another DVC, before it sees that somebody is at work here
        assert (partial / "losses.csv").read_text() == "step\n"
    assert (place / "losses.csv").read_text() == "step\n"


def test_what_a_killed_process_showed_goes(tmp_path):
    place = tmp_path / "curves"
    (tmp_path / ".curves.partial").mkdir()
    place.mkdir()
    (place / "losses.csv").symlink_to("../.curves.partial/losses.csv")
    with pytest.raises(ZeroDivisionError), whole_folder(place, shown=["losses.csv"]):
        raise ZeroDivisionError
    assert not list(tmp_path.iterdir())
