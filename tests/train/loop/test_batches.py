import numpy as np

from tinybert.train.loop.batches import LengthBatches


def test_every_example_once_with_little_padding_and_the_partial_batch_last():
    lengths = np.random.default_rng(0).integers(5, 60, size=1003)
    order = list(LengthBatches(lengths, batch_size=8, seed=1))
    assert sorted(order) == list(range(1003))
    batches = [lengths[order[start : start + 8]] for start in range(0, 1003, 8)]
    assert [len(batch) for batch in batches] == [8] * 125 + [3]
    # The last pool, of 203 examples, has some of each length: its longest are in one batch, its shortest are left over
    assert batches[-1].max() <= np.sort(lengths)[15]
    assert np.mean([np.ptp(batch) for batch in batches]) < 2


def test_of_a_single_pool_the_shortest_examples_are_the_partial_batch():
    order = list(LengthBatches([3, 9, 5, 8, 4, 7, 6], batch_size=3, seed=1))
    assert {frozenset(order[:3]), frozenset(order[3:6])} == {frozenset([1, 3, 5]), frozenset([6, 2, 4])}
    assert order[6:] == [0]


def test_the_order_is_a_function_of_seed_and_epoch():
    sampler = LengthBatches([5, 9, 7, 3] * 50, batch_size=4, seed=1)
    orders = []
    for epoch in (0, 1, 0):
        sampler.set_epoch(epoch)
        orders.append(list(sampler))
    assert orders[0] == orders[2] != orders[1]
    assert list(LengthBatches([5, 9, 7, 3] * 50, batch_size=4, seed=2)) != orders[0]
