"""The queue in front of a model."""

import asyncio
from contextlib import asynccontextmanager

from tests.serve.fake_model import FakeModel
from tinybert.errors import UserError
from tinybert.serve.queueing import FullError, Queue

ROWS = [(f"{word} {number}",) for number in range(5) for word in ("sunny", "wet")]


@asynccontextmanager
async def started(model, room=50, most=4, instances=1):
    queue = Queue(model, room, most, instances)
    queue.start()
    yield queue
    await queue.stop()


def ask_apart(model, rows, **queue):
    """What each row is answered, asked for at once in a request of its own."""

    async def ask():
        async with started(model, **queue) as asked:
            return await asyncio.gather(*(asked.ask([row]) for row in rows), return_exceptions=True)

    return asyncio.run(ask())


def test_each_gets_its_own_answer_and_batches_grow_with_the_load():
    model = FakeModel(0.02)
    answers = ask_apart(model, ROWS)
    assert [answer.label for (answer,) in answers] == [model.one(*row).label for row in ROWS]
    assert max(model.batches) == 4
    assert len(model.batches) < len(ROWS)


def test_one_by_one_no_request_is_put_to_another():
    model = FakeModel(one_by_one=True)
    ask_apart(model, ROWS, instances=2)
    assert model.batches == [1] * len(ROWS)


def test_what_finds_no_room_is_refused_and_the_rest_answered():
    found = ask_apart(FakeModel(0.05), ROWS, room=4)
    assert [isinstance(each, FullError) for each in found] == [False] * 4 + [True] * 6


def test_a_row_that_can_not_be_read_spoils_no_other():
    good, broken, bad = ask_apart(FakeModel(0.01), [("sunny",), ("broken",), ("wet",)])
    assert (good[0].label, bad[0].label) == ("good", "<b>bad</b>")
    assert isinstance(broken, UserError)


def test_it_answers_what_waits_before_it_stops():
    async def ask():
        async with started(FakeModel(0.05), most=1) as queue:
            asked = [asyncio.create_task(queue.ask([row])) for row in ROWS]
            await asyncio.sleep(0.06)
        return [task.done() for task in asked]

    assert asyncio.run(ask()) == [True] * len(ROWS)
