"""Word vectors from a matrix and its words, and from text files; whatever is wrong is named by line or row."""

from __future__ import annotations

import gzip
import tracemalloc
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tinybert.errors import UserError
from tinybert.sources.vectors import convert_vectors

MATRIX = np.array([[1, 2], [3, 4.5], [0, -1]], np.float32)
WORDS = ["the", "café", "nan"]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def read(folder: Path) -> tuple[list[str], np.ndarray]:
    vectors = np.load(folder / "vectors.npy", allow_pickle=False)
    assert vectors.dtype == np.float32
    return pq.read_table(folder / "words.parquet").column("word").to_pylist(), vectors


def pair(folder: Path, matrix: np.ndarray, columns: dict[str, list[object]]) -> list[Path]:
    np.save(folder / "m.npy", matrix)
    pq.write_table(pa.table(columns), folder / "w.parquet")
    return [folder / "m.npy", folder / "w.parquet"]


def failure(files: list[Path], out: Path) -> str:
    with pytest.raises(UserError) as error:
        convert_vectors(files, out)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
def test_matrix_and_words(dtype: type, tmp_path: Path, out: Path) -> None:
    files = pair(tmp_path, MATRIX.astype(dtype), {"rank": [0, 1, 2], "index": WORDS})
    assert convert_vectors(files, out) == {"words": 3, "dimensions": 2}
    words, vectors = read(out)
    assert words == WORDS
    np.testing.assert_array_equal(vectors, MATRIX)


@pytest.mark.parametrize("header", ["", "3 2\n"])
def test_text(header: str, tmp_path: Path, out: Path) -> None:
    file = tmp_path / "glove.txt"
    file.write_text(header + "the 1 2\ncafé 3 4.5 \n. . . 0 -1\n", encoding="utf-8")
    convert_vectors([file], out)
    words, vectors = read(out)
    assert words == ["the", "café", ". . ."]
    np.testing.assert_array_equal(vectors, MATRIX)


@pytest.mark.parametrize("words", [1, 2, 3, 9])
@pytest.mark.parametrize("name", ["glove.txt", "glove.txt.gz", "word2vec.gz", "pair"])
def test_first_words(name: str, words: int, tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tinybert.sources.vectors.CHUNK", 2)
    content = "".join(f"{word} {a} {b}\n" for word, (a, b) in zip(WORDS, MATRIX, strict=True))
    content = ("3 2\n" if name.startswith("word2vec") else "") + content
    (tmp_path / name).write_bytes(gzip.compress(content.encode()) if name.endswith(".gz") else content.encode())
    files = pair(tmp_path, MATRIX, {"index": WORDS}) if name == "pair" else [tmp_path / name]
    assert convert_vectors(files, out, words) == {"words": min(words, 3), "dimensions": 2}
    kept, vectors = read(out)
    assert kept == WORDS[:words]
    np.testing.assert_array_equal(vectors, MATRIX[:words])
    assert (out / "vectors.npy").stat().st_size == 128 + vectors.nbytes


def test_words_with_spaces_before_their_dimensions_are_known(tmp_path: Path, out: Path) -> None:
    (tmp_path / "v.txt").write_text("2 1\nthe best 1\nthe 2\n")
    convert_vectors([tmp_path / "v.txt"], out)
    assert read(out)[0] == ["the best", "the"]


def test_one_dimension_is_no_header(tmp_path: Path, out: Path) -> None:
    (tmp_path / "v.txt").write_text("the 1\nof 2\n")
    assert convert_vectors([tmp_path / "v.txt"], out) == {"words": 2, "dimensions": 1}


def test_memory_does_not_grow_with_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tinybert.sources.vectors.CHUNK", 100)

    def peak(rows: int) -> int:
        (tmp_path / "v.txt").write_text("".join(f"word{n} {'0.25 ' * 20}\n" for n in range(rows)))
        tracemalloc.start()
        try:
            convert_vectors([tmp_path / "v.txt"], tmp_path)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(200)
    assert peak(12_000) < 1.5 * peak(4000)


def test_row_counts_that_differ(tmp_path: Path, out: Path) -> None:
    message = failure(pair(tmp_path, MATRIX, {"index": WORDS[:2]}), out)
    assert "3 vectors for 2 words" in message


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_not_finite(value: float, tmp_path: Path, out: Path) -> None:
    matrix = MATRIX.copy()
    matrix[1, 1] = value
    assert "'café' (row 1) is not finite" in failure(pair(tmp_path, matrix, {"index": WORDS}), out)


def test_objects_are_not_unpickled(tmp_path: Path, out: Path) -> None:
    trace = tmp_path / "executed"

    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            return Path.touch, (trace,)

    files = pair(tmp_path, MATRIX, {"index": WORDS})
    np.save(tmp_path / "m.npy", np.array([[Evil()]], dtype=object), allow_pickle=True)
    assert "plain numbers" in failure(files, out)
    assert not trace.exists()


@pytest.mark.parametrize("columns", [{"a": WORDS, "b": WORDS}, {"n": [1, 2, 3]}])
def test_words_that_cannot_be_told(columns: dict[str, list[object]], tmp_path: Path, out: Path) -> None:
    assert "expected one column of strings" in failure(pair(tmp_path, MATRIX, columns), out)


def test_null_word(tmp_path: Path, out: Path) -> None:
    assert "1 words are null" in failure(pair(tmp_path, MATRIX, {"index": ["a", None, "b"]}), out)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"the 1 2\ncat 3\n", "line 2: expected a word and 2 numbers"),
        (b"the 1 2\ncat 3 x\n", "line 2: expected a word and 2 numbers"),
        (b"the 1 2\ncaf\xe9 3 4\n", "line 2: not UTF-8"),
        (b"the 1 2\ncat 3 nan\n", "line 2: the vector of 'cat' is not finite"),
        (b"", "no vectors in it"),
        (b"3 2\n", "no vectors in it"),
        (b"3 2\nthe 1 2\nof 3 4\n", "line 1 says that there are 3 words, found 2"),
        (b"3 2\nthe 1\n", "line 2: expected a word and 2 numbers"),
        (b"the\n", "line 1: expected a word and its numbers"),
        (b"\n", "line 1: expected a word and its numbers"),
    ],
)
def test_bad_lines(content: bytes, expected: str, tmp_path: Path, out: Path) -> None:
    (tmp_path / "v.txt").write_bytes(content)
    assert expected in failure([tmp_path / "v.txt"], out)


@pytest.mark.parametrize("spoil", [lambda packed: packed[:-9], lambda packed: b"the 1 2\n"])
def test_damaged_gz(spoil, tmp_path: Path, out: Path) -> None:
    (tmp_path / "v.gz").write_bytes(spoil(gzip.compress(b"the 1 2\n" * 1000)))
    assert "v.gz: the file is damaged or cut off" in failure([tmp_path / "v.gz"], out)


def test_matrix_without_words(tmp_path: Path, out: Path) -> None:
    files = pair(tmp_path, MATRIX, {"index": WORDS})
    assert "a .npy matrix with a .parquet of words" in failure(files[:1], out)
