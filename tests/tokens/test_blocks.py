import pytest

from tests.tiny import tiny_tokenizer
from tinybert.corpus.store import write_documents
from tinybert.errors import UserError
from tinybert.tokens import blocks

WORDS = ["sunny", "wet", "warm", "grey", "today", "london"]


@pytest.fixture(autouse=True)
def one_process(monkeypatch):
    """Starting another takes seconds."""
    monkeypatch.setattr(blocks, "count_cores", lambda: 1)


@pytest.fixture
def corpus_blocks(tmp_path):
    (tmp_path / "corpus").mkdir()
    documents = [(f"title {number}", " ".join(WORDS[number % 6 :] * 5)) for number in range(40)]
    write_documents(documents, tmp_path / "corpus", group=500)
    return lambda length: blocks.corpus_blocks(tmp_path / "corpus", tiny_tokenizer(), length, tmp_path / "cache")


@pytest.mark.parametrize("cores", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_blocks_are_full_and_lose_no_more_than_the_rest_of_a_group(corpus_blocks, monkeypatch, cores):
    monkeypatch.setattr(blocks, "count_cores", lambda: cores)
    stream = []
    for block in corpus_blocks(8)["input_ids"]:
        first, *inner, last = tiny_tokenizer().convert_ids_to_tokens(block)
        assert (first, len(inner), last) == ("[CLS]", 6, "[SEP]")
        stream += inner
    assert stream[:6] == WORDS
    total = sum(len(WORDS[number % 6 :]) * 5 for number in range(40))
    groups = 40  # at most, and each drops less than the inner length of a block
    assert total - groups * 6 < len(stream) <= total


def test_blocks_are_made_once(corpus_blocks, tmp_path):
    corpus_blocks(8)
    (file,) = (tmp_path / "cache").iterdir()
    before = file.stat().st_mtime_ns
    corpus_blocks(8)
    assert file.stat().st_mtime_ns == before
    corpus_blocks(12)
    assert len(list((tmp_path / "cache").iterdir())) == 2


def test_a_corpus_of_less_than_one_block(corpus_blocks):
    with pytest.raises(UserError, match="less than one block of 10000 tokens"):
        corpus_blocks(10000)
