"""Word vectors from a matrix and its words, and from files that gensim reads; what is wrong is named."""

from __future__ import annotations

import gzip
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


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"], ids=["plain", "BOM"])
@pytest.mark.parametrize("header", [b"", b"3 2\n"], ids=["", "header"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n\r\n \n"], ids=["", "empty lines at the end"])
@pytest.mark.parametrize("name", ["v.txt", "v.txt.gz"])
def test_text(name: str, start: bytes, header: bytes, end: bytes, tmp_path: Path, out: Path) -> None:
    content = start + header + "the 1 2\ncafé 3 4.5\nnan 0 -1".encode() + end
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    assert convert_vectors([tmp_path / name], out) == {"words": 3, "dimensions": 2}
    words, vectors = read(out)
    assert words == WORDS
    np.testing.assert_array_equal(vectors, MATRIX)


def test_words_with_spaces_are_left_out(tmp_path: Path, out: Path) -> None:
    """GloVe's largest file has some; no text's word is one of them."""
    (tmp_path / "v.txt").write_text("the 1 2\n. . . 9 9\nof 3 4\nat name@domain.com 9 9\nand 5 6\n")
    assert convert_vectors([tmp_path / "v.txt"], out, 4) == {"words": 2, "dimensions": 2, "words with spaces": 2}
    assert read(out)[0] == ["the", "of"]
    assert sorted(path.name for path in out.iterdir()) == ["vectors.npy", "words.parquet"]


def binary(vectors: np.ndarray, words: list[bytes], end: bytes = b"") -> bytes:
    """As word2vec writes it, with or without a line break behind each vector."""
    head = f"{vectors.shape[0]} {vectors.shape[1]}\n".encode()
    rows = zip(words, vectors.astype("<f4"), strict=True)
    return head + b"".join(word + b" " + vector.tobytes() + end for word, vector in rows)


@pytest.mark.parametrize("header", ["", "3 2\n"], ids=["", "header"])
def test_of_a_word_that_stands_there_twice_the_first_counts(header: str, tmp_path: Path, out: Path) -> None:
    (tmp_path / "v.txt").write_text(f"{header}the 1 2\ncafé 3 4.5\nthe 9 9\n", encoding="utf-8")
    assert convert_vectors([tmp_path / "v.txt"], out)["words"] == 2
    words, vectors = read(out)
    assert words == ["the", "café"]
    np.testing.assert_array_equal(vectors, [[1, 2], [3, 4.5]])


@pytest.mark.parametrize("end", [b"", b"\n"], ids=["", "line breaks"])
@pytest.mark.parametrize("name", ["v.bin", "v.bin.gz"])
def test_binary(name: str, end: bytes, tmp_path: Path, out: Path) -> None:
    vectors = np.random.default_rng(0).normal(size=(50, 30)).astype(np.float32)
    words = [f"wörd{n}" for n in range(50)]
    content = binary(vectors, [word.encode() for word in words], end)
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    for kept in (None, 20):
        assert convert_vectors([tmp_path / name], out, kept) == {"words": kept or 50, "dimensions": 30}
        assert read(out)[0] == words[:kept]
        np.testing.assert_array_equal(read(out)[1], vectors[:kept])


@pytest.mark.parametrize("form", ["text", "binary"])
def test_words_cut_in_the_middle_of_a_character(form: str, tmp_path: Path, out: Path) -> None:
    """word2vec's own program cuts long words by bytes; many such words are another encoding."""

    def write(count: int) -> Path:
        words = [*(f"w{n}".encode() for n in range(100)), *("дождливо".encode()[:-1] + b"%d" % n for n in range(count))]
        lines = b"".join(word + b" 1 2\n" for word in words)
        content = lines if form == "text" else binary(np.ones((len(words), 2)), words)
        (tmp_path / "v").write_bytes(content)
        return tmp_path / "v"

    assert convert_vectors([write(3)], out) == {"words": 100, "dimensions": 2, "words cut off": 3}
    assert read(out)[0] == [f"w{n}" for n in range(100)]
    assert "50 of 150 words are not UTF-8; save the file as UTF-8" in failure([write(50)], out)


@pytest.mark.parametrize("name", ["v.txt", "v.txt.gz", "v.bin", "v.bin.gz", "pair"])
def test_what_comes_after_the_first_words_is_not_read(name: str, tmp_path: Path, out: Path) -> None:
    matrix = np.ones((50_000, 8))
    matrix[1000:] = np.nan
    words = [f"w{n}" for n in range(len(matrix))]
    if name == "pair":
        files = pair(tmp_path, matrix, {"index": words})
    else:
        text = "".join(f"{word}{' 1.5' * 8}\n" for word in words[:1000]) + "spoiled\n" * 100_000
        content = binary(matrix, [word.encode() for word in words]) if ".bin" in name else text.encode()
        packed = gzip.compress(content, 0)[:-500_000]
        (tmp_path / name).write_bytes(packed if name.endswith(".gz") else content)
        files = [tmp_path / name]
    assert convert_vectors(files, out, 1000) == {"words": 1000, "dimensions": 8}


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
        (b"the 1 2\ncat 3\n", "line 2: expected a word and 2 numbers, found 'cat 3'; correct or remove the line"),
        (b"the 1 2\ncat 3 x\n", "line 2: expected a word and 2 numbers"),
        (b"1 2\nthe 1\n", "line 2: expected a word and 2 numbers"),
        (b"2 2\nthe\t1\t2\nof\t1\t2\n", "line 2: expected a word and 2 numbers, found 'the\\t1\\t2'; replace its tabs"),
        (b"the 1 2\ncat 3 nan\n", "the vector of 'cat' (row 1) is not finite"),
        (b"", "line 1: expected a word and its numbers, separated by spaces; the file is empty"),
        (b"the\n", "line 1: expected a word and its numbers, separated by spaces; found b'the\\n'"),
        (b"3 2\nthe 1 2\nof 3 4\n", "cut off, or line 1 counts words that are not there"),
        (binary(MATRIX, [b"a", b"b", b"c"])[:-1], "cut off, or line 1 counts words that are not there"),
        (binary(np.array([[1, 2], [np.nan, 0]]), [b"a", b"b"]), "the vector of 'b' (row 1) is not finite"),
        (b"PK\x03\x04\x14", "v.txt: this is a .zip archive; unpack it"),
    ],
)
def test_bad_files(content: bytes, expected: str, tmp_path: Path, out: Path) -> None:
    (tmp_path / "v.txt").write_bytes(content)
    assert expected in failure([tmp_path / "v.txt"], out)


def test_damaged_gz(tmp_path: Path, out: Path) -> None:
    (tmp_path / "v.gz").write_bytes(gzip.compress(b"the 1 2\n" * 1000)[:-9])
    assert "v.gz: the file is damaged or cut off" in failure([tmp_path / "v.gz"], out)


def test_matrix_without_words(tmp_path: Path, out: Path) -> None:
    files = pair(tmp_path, MATRIX, {"index": WORDS})
    assert "a .npy matrix with a .parquet of words" in failure(files[:1], out)
