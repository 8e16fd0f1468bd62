"""Word vectors from a matrix and its words, from files of GloVe's and word2vec's formats; what is wrong is named."""

import gzip
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.sources import conftest
from tinybert.sources.vectors import convert_vectors

MATRIX = np.array([[1, 2], [3, 4.5], [0, -1]], np.float32)
WORDS = ["the", "café", "nan"]


def pair(matrix, **columns):
    np.save("m.npy", matrix)
    pq.write_table(pa.table(columns), "w.parquet")
    return [Path("m.npy"), Path("w.parquet")]


def write(name, content):
    Path(name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return [Path(name)]


def binary(vectors, words, end=b""):
    """As word2vec writes it, with or without a line break behind each vector."""
    rows = zip(words, vectors.astype("<f4"), strict=True)
    head = f"{vectors.shape[0]} {vectors.shape[1]}\n".encode()
    return head + b"".join(word + b" " + vector.tobytes() + end for word, vector in rows)


def converted(files, words=None):
    """What is counted, the words and the vectors."""
    counts = convert_vectors(files, Path("out"), words)
    vectors = np.load("out/vectors.npy", allow_pickle=False)
    assert vectors.dtype == np.float32
    assert sorted(path.name for path in Path("out").iterdir()) == ["vectors.npy", "words.parquet"]
    return counts, pq.read_table("out/words.parquet").column("word").to_pylist(), vectors.tolist()


def failure(files):
    return conftest.failure(convert_vectors, files, Path("out"))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
def test_matrix_and_words(dtype):
    files = pair(MATRIX.astype(dtype), rank=[0, 1, 2], index=WORDS)
    assert converted(files) == ({"words": 3, "dimensions": 2}, WORDS, MATRIX.tolist())


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"], ids=["plain", "BOM"])
@pytest.mark.parametrize("header", [b"", b"3 2\n"], ids=["", "header"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n\r\n \n"], ids=["", "empty lines at the end"])
@pytest.mark.parametrize("name", ["v.txt", "v.txt.gz"])
def test_text(name, start, header, end):
    files = write(name, start + header + "the 1 2\ncafé 3 4.5\nnan 0 -1".encode() + end)
    assert converted(files) == ({"words": 3, "dimensions": 2}, WORDS, MATRIX.tolist())


def test_words_with_spaces_are_left_out_and_others_taken_once():
    """GloVe's largest file has some; no text's word is one of them."""
    files = write("v.txt", b"the 1 2\n. . . 9 9\nof 3 4\nat name@domain.com 9 9\nthe 7 7\nand 5 6\n")
    counts = {"words": 2, "dimensions": 2, "words with spaces": 2}
    assert converted(files, 5) == (counts, ["the", "of"], [[1, 2], [3, 4]])


@pytest.mark.parametrize("end", [b"", b"\n"], ids=["", "line breaks"])
@pytest.mark.parametrize("name", ["v.bin", "v.bin.gz"])
def test_binary(name, end):
    vectors = np.random.default_rng(0).normal(size=(50, 30)).astype(np.float32)
    words = [f"wörd{n}" for n in range(50)]
    files = write(name, binary(vectors, [word.encode() for word in words], end))
    for kept in (50, 20):
        counts = {"words": kept, "dimensions": 30}
        assert converted(files, kept) == (counts, words[:kept], vectors[:kept].tolist())


@pytest.mark.parametrize("form", ["text", "binary"])
def test_words_cut_in_the_middle_of_a_character(form):
    """word2vec's own program cuts long words by bytes; many such words are another encoding."""

    def cut(count):
        words = [*(f"w{n}".encode() for n in range(100)), *("дождливо".encode()[:-1] + b"%d" % n for n in range(count))]
        lines = b"".join(word + b" 1 2\n" for word in words)
        return write("v", lines if form == "text" else binary(np.ones((len(words), 2)), words))

    assert "50 of 150 words are not UTF-8; save the file as UTF-8" in failure(cut(50))
    counts, words, _ = converted(cut(3))
    assert counts == {"words": 100, "dimensions": 2, "words cut off": 3}
    assert words == [f"w{n}" for n in range(100)]


@pytest.mark.parametrize("name", ["v.txt", "v.txt.gz", "v.bin", "v.bin.gz", "pair"])
def test_what_comes_after_the_first_words_is_not_read(name):
    matrix = np.ones((50_000, 8))
    matrix[1000:] = np.nan
    words = [f"w{n}" for n in range(len(matrix))]
    if name == "pair":
        files = pair(matrix, index=words)
    else:
        text = "".join(f"{word}{' 1.5' * 8}\n" for word in words[:1000]) + "spoiled\n" * 100_000
        content = binary(matrix, [word.encode() for word in words]) if ".bin" in name else text.encode()
        files = [Path(name)]
        Path(name).write_bytes(gzip.compress(content, 0)[:-500_000] if name.endswith(".gz") else content)
    assert converted(files, 1000)[0] == {"words": 1000, "dimensions": 8}


def test_objects_are_not_unpickled():
    class Evil:
        def __reduce__(self):
            return Path.touch, (Path("executed"),)

    files = pair(MATRIX, index=WORDS)
    np.save("m.npy", np.array([[Evil()]], dtype=object), allow_pickle=True)
    assert "plain numbers" in failure(files)
    assert not Path("executed").exists()


@pytest.mark.parametrize(
    ("value", "columns", "expected"),
    [
        (0, {"index": WORDS[:2]}, "3 vectors for 2 words"),
        (np.nan, {"index": WORDS}, "'café' (row 1) is not finite"),
        (np.inf, {"index": WORDS}, "'café' (row 1) is not finite"),
        (0, {"a": WORDS, "b": WORDS}, "expected one column of strings"),
        (0, {"n": [1, 2, 3]}, "expected one column of strings"),
    ],
)
def test_bad_pairs(value, columns, expected):
    matrix = MATRIX.copy()
    matrix[1, 1] = value
    files = pair(matrix, **columns)
    assert expected in failure(files)
    assert "a .npy matrix with a .parquet of words" in failure(files[:1])


def test_damaged_words():
    files = pair(np.ones((2000, 2)), word=[f"word {n}" for n in range(2000)])
    content = files[1].read_bytes()
    files[1].write_bytes(content[:4] + bytes(1000) + content[1004:])
    assert failure(files).endswith("; save or fetch them again")


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
        (b"3 2\nthe 1 2\nof 3 4\n", "cut off (line 1 counts more words than there are)"),
        (binary(MATRIX, [b"a", b"b", b"c"])[:-1], "cut off (line 1 counts more words than there are)"),
        (binary(np.array([[1, 2], [np.nan, 0]]), [b"a", b"b"]), "the vector of 'b' (row 1) is not finite"),
        (b"PK\x03\x04\x14", "v.txt: this is a .zip archive; unpack it"),
    ],
)
def test_bad_files(content, expected):
    assert expected in failure(write("v.txt", content))


def test_damaged_gz():
    Path("v.gz").write_bytes(gzip.compress(b"the 1 2\n" * 1000)[:-9])
    assert "v.gz: the file is damaged or cut off" in failure([Path("v.gz")])
