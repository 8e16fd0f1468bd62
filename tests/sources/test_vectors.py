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


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"], ids=["plain", "BOM"])
@pytest.mark.parametrize("header", [b"", b"2 2\r\n"], ids=["", "header"])
def test_byte_order_mark_and_empty_lines_at_the_end(start: bytes, header: bytes, tmp_path: Path, out: Path) -> None:
    (tmp_path / "v.txt").write_bytes(start + header + b"the 1 2\r\nof 3 4\r\n\r\n \n")
    assert convert_vectors([tmp_path / "v.txt"], out) == {"words": 2, "dimensions": 2}
    assert read(out)[0] == ["the", "of"]


def binary(vectors: np.ndarray, words: list[str], end: bytes = b"") -> bytes:
    """As word2vec writes it, with or without a line break behind each vector."""
    head = f"{vectors.shape[0]} {vectors.shape[1]}\n".encode()
    rows = zip(words, vectors.astype("<f4"), strict=True)
    return head + b"".join(word.encode() + b" " + vector.tobytes() + end for word, vector in rows)


@pytest.mark.parametrize("end", [b"", b"\n"], ids=["", "line breaks"])
@pytest.mark.parametrize("name", ["v.bin", "v.bin.gz"])
def test_binary(name: str, end: bytes, tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tinybert.sources.vectors.CHUNK", 7)
    monkeypatch.setattr("tinybert.sources.vectors.BLOCK", 100)
    vectors = np.random.default_rng(0).normal(size=(50, 30)).astype(np.float32)
    words = [f"wörd{n}" for n in range(50)]
    content = binary(vectors, words, end)
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    for kept in (None, 20):
        assert convert_vectors([tmp_path / name], out, kept) == {"words": kept or 50, "dimensions": 30}
        assert read(out)[0] == words[:kept]
        np.testing.assert_array_equal(read(out)[1], vectors[:kept])


def test_binary_as_gensim_reads_it(tmp_path: Path, out: Path) -> None:
    from gensim.models import KeyedVectors  # takes seconds

    vectors = KeyedVectors(vector_size=2)
    vectors.add_vectors(WORDS, MATRIX)
    vectors.save_word2vec_format(str(tmp_path / "v.bin"), binary=True, sort_attr="none")
    convert_vectors([tmp_path / "v.bin"], out)
    loaded = KeyedVectors.load_word2vec_format(str(tmp_path / "v.bin"), binary=True)
    assert read(out)[0] == loaded.index_to_key == WORDS
    np.testing.assert_array_equal(read(out)[1], loaded.vectors)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (binary(MATRIX, WORDS)[:-1], "word 3 of 3 is cut off or damaged"),
        (binary(MATRIX, WORDS)[:24], "word 2 of 3 is cut off or damaged"),
        (binary(np.array([[1, 2], [np.nan, 0]]), WORDS[:2]), "the vector of 'café' (row 1) is not finite"),
        (binary(MATRIX, WORDS).replace("é".encode(), b"\xe9 "), "word 2: not UTF-8"),
        (b"3 2\nx " + bytes(4000), "word 2 of 3 is cut off or damaged"),
    ],
)
def test_bad_binary(content: bytes, expected: str, tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tinybert.sources.vectors.BLOCK", 1000)
    (tmp_path / "v.bin").write_bytes(content)
    assert expected in failure([tmp_path / "v.bin"], out)


@pytest.mark.parametrize("name", ["v.txt", "v.txt.gz", "v.bin", "v.bin.gz", "pair"])
def test_what_comes_after_the_first_words_is_not_read(name: str, tmp_path: Path, out: Path) -> None:
    matrix = np.ones((50_000, 8))
    matrix[1000:] = np.nan
    words = [f"w{n}" for n in range(len(matrix))]
    if name == "pair":
        files = pair(tmp_path, matrix, {"index": words})
    else:
        text = "".join(f"{word}{' 1.5' * 8}\n" for word in words[:1000]) + "spoiled\n" * 100_000
        content = binary(matrix, words) if ".bin" in name else text.encode()
        packed = gzip.compress(content, 0)[:-500_000]
        (tmp_path / name).write_bytes(packed if name.endswith(".gz") else content)
        files = [tmp_path / name]
    assert convert_vectors(files, out, 1000) == {"words": 1000, "dimensions": 8}


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


@pytest.mark.parametrize("form", ["text", "binary"])
def test_memory_does_not_grow_with_the_file(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tinybert.sources.vectors.CHUNK", 100)
    monkeypatch.setattr("tinybert.sources.vectors.BLOCK", 1000)

    def peak(rows: int) -> int:
        words = [f"word{n}" for n in range(rows)]
        text = "".join(f"{word} {'0.25 ' * 20}\n" for word in words)
        content = text.encode() if form == "text" else binary(np.full((rows, 20), 0.25), words)
        (tmp_path / "v.txt").write_bytes(content)
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
    message = failure(files, out)
    assert "plain numbers" in message
    assert message.endswith("; save it again")
    assert not trace.exists()


@pytest.mark.parametrize("columns", [{"a": WORDS, "b": WORDS}, {"n": [1, 2, 3]}])
def test_words_that_cannot_be_told(columns: dict[str, list[object]], tmp_path: Path, out: Path) -> None:
    assert "expected one column of strings" in failure(pair(tmp_path, MATRIX, columns), out)


def test_damaged_words(tmp_path: Path, out: Path) -> None:
    np.save(tmp_path / "v.npy", np.ones((2000, 2), np.float32))
    pq.write_table(pa.table({"word": [f"word {n}" for n in range(2000)]}), tmp_path / "w.parquet")
    content = (tmp_path / "w.parquet").read_bytes()
    (tmp_path / "w.parquet").write_bytes(content[:4] + bytes(1000) + content[1004:])
    message = failure([tmp_path / "v.npy", tmp_path / "w.parquet"], out)
    assert "w.parquet: not a whole Parquet file (" in message
    assert message.endswith("; save or fetch it again")


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
        (b"9" * 5000 + b" 300\n", "line 1: expected how many words and dimensions, found b'9999"),
        (b"the\n", "line 1: expected a word and its numbers"),
        (b"\n", "no vectors in it"),
        (
            b"the 1 2\nw2 3\nof 5 6\nw4 x 8\n\nlast 1 2\n",
            "line 2: expected a word and 2 numbers, found 1 at the end of 'w2 3'",
        ),
        (b"the 1 2\nw2 3\nof 5 6\nw4 x 8\n\nlast 1 2\n", "(malformed are lines 2, 4, 5)"),
        (b"the 1\n" + b"cat x\n" * 2000, f"lines {', '.join(map(str, range(2, 22)))} and 1,980 more)"),
        (b"the\t1\t2\n", "line 1: expected a word and its numbers, separated by spaces, found tabs in"),
        (b"the\t1 2\n", "line 1: expected a word and its numbers, separated by spaces, found tabs in"),
        (b"2 2\nthe\t1\t2\nof\t1\t2\n", "line 2: expected a word and 2 numbers, separated by spaces, found tabs in"),
        (b"new york 1 2\n", "found 2 at the end of 'new york 1 2'; where its word has spaces, begin the file with"),
        (b"PK\x03\x04\x14", "v.txt: a .zip archive; unpack it"),
        (b"the 1 2\n\r\n\nof 3 4\n", "line 2: expected a word and its numbers, found nothing"),
    ],
)
def test_bad_lines(content: bytes, expected: str, tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tinybert.sources.vectors.CHUNK", 1)  # what is wrong behind it is told too
    (tmp_path / "v.txt").write_bytes(content)
    assert expected in failure([tmp_path / "v.txt"], out)


@pytest.mark.parametrize("spoil", [lambda packed: packed[:-9], lambda packed: b"the 1 2\n"])
def test_damaged_gz(spoil, tmp_path: Path, out: Path) -> None:
    (tmp_path / "v.gz").write_bytes(spoil(gzip.compress(b"the 1 2\n" * 1000)))
    assert "v.gz: the file is damaged or cut off" in failure([tmp_path / "v.gz"], out)


def test_matrix_without_words(tmp_path: Path, out: Path) -> None:
    files = pair(tmp_path, MATRIX, {"index": WORDS})
    assert "a .npy matrix with a .parquet of words" in failure(files[:1], out)
