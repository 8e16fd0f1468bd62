import pytest

from tests.tiny import tiny_tokenizer
from tinybert.corpus.store import write_documents
from tinybert.errors import UserError
from tinybert.tokens.blocks import corpus_blocks

WORDS = ["sunny", "wet", "warm", "grey", "today", "london"]


@pytest.fixture
def corpus(tmp_path):
    folder = tmp_path / "corpus"
    folder.mkdir()
    documents = [(f"title {number}", " ".join(WORDS[number % 6 :] * 5)) for number in range(40)]
    write_documents(documents, folder, group=500)
    return folder


def test_blocks_are_full_and_lose_no_more_than_the_rest_of_a_group(corpus, tmp_path):
    tokenizer = tiny_tokenizer()
    blocks = corpus_blocks(corpus, tokenizer, 8, cache=tmp_path / "cache")
    stream = []
    for block in blocks["input_ids"]:
        tokens = tokenizer.convert_ids_to_tokens(block)
        assert len(tokens) == 8
        assert (tokens[0], tokens[-1]) == ("[CLS]", "[SEP]")
        stream += tokens[1:-1]
    assert stream[:6] == WORDS
    total = sum(len(WORDS[number % 6 :]) * 5 for number in range(40))
    groups = 40  # at most, and each drops less than the inner length of a block
    assert total - groups * 6 < len(stream) <= total


def test_blocks_are_made_once(corpus, tmp_path):
    cache = tmp_path / "cache"
    corpus_blocks(corpus, tiny_tokenizer(), 8, cache=cache)
    (file,) = cache.iterdir()
    before = file.stat().st_mtime_ns
    corpus_blocks(corpus, tiny_tokenizer(), 8, cache=cache)
    assert file.stat().st_mtime_ns == before
    corpus_blocks(corpus, tiny_tokenizer(), 12, cache=cache)
    assert len(list(cache.iterdir())) == 2


def test_a_corpus_of_less_than_one_block(corpus, tmp_path):
    with pytest.raises(UserError, match="less than one block of 10000 tokens"):
        corpus_blocks(corpus, tiny_tokenizer(), 10000, cache=tmp_path / "cache")
