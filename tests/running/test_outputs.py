"""Outputs appear whole or not at all."""

import multiprocessing
import os
from pathlib import Path

import pytest

from tinybert.running.outputs import whole_file, whole_folder


def fail_after_writing(file):
    file.write_text("second")
    raise RuntimeError


def test_a_folder_takes_the_place_of_the_old_one(tmp_path):
    folder = tmp_path / "a" / "out"
    for content in ("first", "second"):
        with whole_folder(folder) as partial:
            assert not list(partial.iterdir())
            (partial / content).write_text(content)
        assert [file.name for file in folder.iterdir()] == [content]
    assert list(folder.parent.iterdir()) == [folder]


def test_a_failure_leaves_the_old_folder_and_nothing_else(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "old").touch()
    with pytest.raises(RuntimeError), whole_folder(folder) as partial:
        fail_after_writing(partial / "new")
    assert [file.name for file in folder.iterdir()] == ["old"]
    assert list(tmp_path.iterdir()) == [folder]


def test_what_a_killed_process_left_is_not_in_the_next_output(tmp_path):
    folder = tmp_path / "out"
    writer = whole_folder(folder)
    left = writer.__enter__()
    (left / "left").touch()
    with whole_folder(folder):
        pass
    assert not list(folder.iterdir())
    assert list(tmp_path.iterdir()) == [folder]


def die_at_rename(folder, of):
    rename = Path.rename

    def rename_or_die(path, target):
        if path.name == of:
            os._exit(9)
        return rename(path, target)

    Path.rename = rename_or_die
    with whole_folder(folder) as partial:
        (partial / "new").touch()


@pytest.mark.parametrize("of", ["out", ".out.partial"])
def test_a_process_killed_while_it_replaces_a_folder_does_not_lose_the_old_one(tmp_path, of):
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "old").touch()
    writer = multiprocessing.get_context("spawn").Process(target=die_at_rename, args=(folder, of))
    writer.start()
    writer.join(60)
    assert writer.exitcode == 9
    with pytest.raises(RuntimeError), whole_folder(folder) as partial:
        fail_after_writing(partial / "new")
    assert [file.name for file in folder.iterdir()] == ["old"]
    assert list(tmp_path.iterdir()) == [folder]


def test_an_old_folder_beside_its_new_one_is_removed(tmp_path):
    left = tmp_path / ".out.old.partial"
    left.mkdir()
    (left / "old").touch()
    for content in ("first", "second"):
        with whole_folder(tmp_path / "out") as partial:
            (partial / content).touch()
        assert [file.name for file in (tmp_path / "out").iterdir()] == [content]
        assert list(tmp_path.iterdir()) == [tmp_path / "out"]


def test_a_file_is_replaced_in_one_step_or_stays(tmp_path):
    file = tmp_path / "a" / "out.json"
    with whole_file(file) as partial:
        partial.write_text("first")
    with pytest.raises(RuntimeError), whole_file(file) as partial:
        fail_after_writing(partial)
    assert file.read_text() == "first"
    assert list(file.parent.iterdir()) == [file]


def die_while_writing(file):
    with whole_file(file) as partial:
        partial.write_text("half")
        os._exit(9)


def test_a_file_that_a_killed_process_left_is_removed_by_the_next_writer(tmp_path):
    writer = multiprocessing.get_context("spawn").Process(target=die_while_writing, args=(tmp_path / "out",))
    writer.start()
    writer.join(60)
    assert [file.suffix for file in tmp_path.iterdir()] == [".partial"]
    with whole_file(tmp_path / "out") as partial:
        partial.write_text("whole")
    assert [file.name for file in tmp_path.iterdir()] == ["out"]


def write_slowly(file, letter, barrier):
    with whole_file(file) as partial, partial.open("w") as stream:
        stream.write(letter * 1000)
        stream.flush()
        barrier.wait(60)  # both have begun and none has ended
        stream.write(letter * 1000)


def test_of_two_processes_that_write_one_file_at_once_each_writes_it_whole(tmp_path):
    processes = multiprocessing.get_context("spawn")
    barrier = processes.Barrier(2)
    writers = [processes.Process(target=write_slowly, args=(tmp_path / "out", letter, barrier)) for letter in "ab"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert (tmp_path / "out").read_text() in ("a" * 2000, "b" * 2000)
    assert [file.name for file in tmp_path.iterdir()] == ["out"]
