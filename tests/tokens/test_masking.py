import numpy as np
import torch

from tests.tiny import VOCABULARY, tiny_tokenizer
from tinybert.tokens.masking import MASKED_LABELS, UNMASKED, Masking

RANDOM = np.random.default_rng(0)
EXAMPLES = [{"input_ids": [2, *RANDOM.integers(5, len(VOCABULARY), size=200).tolist(), 3]} for _ in range(20)]


def masked(examples, epoch=0, seed=0, vocabulary=1000):
    masking = Masking(tiny_tokenizer(), seed, vocabulary)
    masking.set_epoch(epoch)
    batch = masking(examples)
    return batch["input_ids"], batch[MASKED_LABELS]


def test_masks_as_bert_does():
    ids, labels = masked(EXAMPLES)
    original = torch.tensor([example["input_ids"] for example in EXAMPLES])
    chosen = labels != UNMASKED
    assert chosen.sum(1).tolist() == [30] * 20  # 15 % of 200
    assert torch.equal(labels[chosen], original[chosen])
    assert torch.equal(ids[~chosen], original[~chosen])
    share = (ids[chosen] == tiny_tokenizer().mask_token_id).float().mean()
    assert 0.75 < share < 0.86
    assert 0.07 < (ids[chosen] == original[chosen]).float().mean() < 0.14
    assert not chosen[:, 0].any()
    assert not chosen[:, -1].any()


def test_a_function_of_seed_epoch_and_example():
    ids, labels = masked(EXAMPLES)
    for same in (masked(EXAMPLES[::-1]), [part.flip(0) for part in masked(EXAMPLES)]):
        assert torch.equal(same[0].flip(0), ids)
        assert torch.equal(same[1].flip(0), labels)
    longer = masked([EXAMPLES[0], {"input_ids": [2, *[7] * 300, 3]}])
    assert torch.equal(longer[0][0, :202], ids[0])
    for other in (masked(EXAMPLES, epoch=1), masked(EXAMPLES, seed=1)):
        assert not torch.equal(other[1], labels)


def test_one_token_at_least_and_none_where_there_are_none():
    _, labels = masked([{"input_ids": [2, 9, 3]}, {"input_ids": [2, 1, 3, 3]}])
    assert (labels != UNMASKED).sum(1).tolist() == [1, 0]


def test_random_tokens_are_those_that_the_model_has_rows_for():
    examples = [{"input_ids": [2, *[7] * 2000, 3]}]
    few, more = (masked(examples, vocabulary=rows)[0] for rows in (10, 1000))
    assert few.max() == 9
    assert more.max() == len(VOCABULARY) - 1  # rows beyond the tokenizer's are nobody's
