import asyncio
import json
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest
from sqlalchemy import Connection

from prover.store.database import Database
from prover.store.records.batches import KeyUsedError, QueueFullError, StoredBatch, Submission, trim
from prover.store.records.queue import BatchQueue


def submission(count: int, owner: str = "ann", key: str | None = None, digest: str = "d") -> Submission:
    return Submission(owner, key, digest, "a label", "{}", [(f"item{n}", f"request{n}") for n in range(count)])


async def submit(queue: BatchQueue, count: int, owner: str = "ann", key: str | None = None) -> StoredBatch:
    return await queue.submit(submission(count, owner, key), 1000, 1000)


@pytest.fixture
def queue(database: Database) -> BatchQueue:
    return BatchQueue(database)


async def test_items_are_answered_in_the_order_of_their_answers(queue: BatchQueue) -> None:
    batch = await submit(queue, 3)
    assert (batch.total, batch.answered, batch.running, batch.finished, batch.label) == (3, 0, 0, None, "a label")
    leases = await queue.claim(5, 60)
    assert [(lease.name, lease.request, lease.attempt) for lease in leases] == [
        ("item0", "request0", 1),
        ("item1", "request1", 1),
        ("item2", "request2", 1),
    ]
    assert [await queue.answer(lease, lease.name) for lease in reversed(leases)] == [1, 2, 3]
    assert await queue.answers(batch.id, 0, 10) == [(1, "item2"), (2, "item1"), (3, "item0")]
    assert await queue.answers(batch.id, 1, 1) == [(2, "item1")]
    done = await queue.find(batch.id)
    assert done is not None
    assert done.answered == 3
    assert done.finished is not None


async def test_what_earlier_versions_stored_as_jobs_is_worked_on(queue: BatchQueue, database: Database) -> None:
    def store(connection: Connection) -> None:
        connection.exec_driver_sql(
            "INSERT INTO leansieve_jobs (id, owner, digest, label, options, total, answered, created)"
            " VALUES ('old', 'ann', 'd', 'l', '{}', 1, 0, 1.0)"
        )
        connection.exec_driver_sql(
            "INSERT INTO leansieve_items (job, name, request, state, attempt)"
            " VALUES ('old', 'item', 'request', 'waiting', 0)"
        )

    database.write_now(store)
    (lease,) = await queue.claim(5, 60)
    assert (lease.batch, lease.owner, lease.name) == ("old", "ann", "item")
    assert await queue.answer(lease, "answer") == 1
    assert await queue.answers("old", 0, 5) == [(1, "answer")]


async def test_batches_are_listed_page_by_page_the_newest_first_and_to_their_owner(queue: BatchQueue) -> None:
    batches = [await submit(queue, 1, owner) for owner in ("ann", "bob", "ann", "ann")]
    first = await queue.page(2, None, "ann")
    then = await queue.page(2, first[-1], "ann")
    assert [batch.id for batch in first + then] == [batches[3].id, batches[2].id, batches[0].id]
    assert [batch.id for batch in await queue.page(9)] == [batch.id for batch in reversed(batches)]


async def test_a_deleted_batch_leaves_nothing_and_takes_no_answer(queue: BatchQueue) -> None:
    kept, batch = await submit(queue, 1, key="kept"), await submit(queue, 2)
    (_, lease, _) = await queue.claim(3, 60)
    await queue.delete(batch.id)
    assert await queue.find(batch.id) is None
    assert await queue.answer(lease, "late") is None
    assert [one.id for one in await queue.page(9)] == [kept.id]
    assert (await queue.backlog()).running == 1


async def test_an_item_is_not_answered_twice(queue: BatchQueue) -> None:
    await submit(queue, 1)
    (lease,) = await queue.claim(1, 60)
    assert await queue.answer(lease, "once") == 1
    assert await queue.answer(lease, "twice") is None
    assert await queue.answers(lease.batch, 0, 9) == [(1, "once")]


async def test_an_item_whose_lease_ran_out_goes_to_another_server_alone(queue: BatchQueue, database: Database) -> None:
    await submit(queue, 1)
    (lost,) = await queue.claim(1, -1)
    other = BatchQueue(database)
    (lease,) = await other.claim(1, 60)
    assert (lease.item, lease.attempt) == (lost.item, 2)
    assert await queue.renew(60, {lost.item}) == set()
    assert await queue.answer(lost, "late") is None
    await queue.release(lost)
    assert await other.renew(60, {lease.item}) == {lease.item}
    assert await other.answer(lease, "right") == 1


async def test_a_server_does_not_answer_with_an_attempt_it_lost_to_itself(queue: BatchQueue) -> None:
    await submit(queue, 1)
    (lost,) = await queue.claim(1, -1)
    (lease,) = await queue.claim(1, 60)
    assert await queue.answer(lost, "late") is None
    assert await queue.answer(lease, "right") == 1


async def test_what_is_held_is_not_taken_by_others(queue: BatchQueue, database: Database) -> None:
    await submit(queue, 2)
    assert len(await queue.claim(1, 60)) == len(await BatchQueue(database).claim(5, 60)) == 1
    assert await queue.claim(5, 60) == []


async def test_a_lease_is_renewed_only_for_work_in_hand(queue: BatchQueue, database: Database) -> None:
    """An item whose answer could not be written stayed under a lease that was renewed forever."""
    await submit(queue, 2)
    worked_on, dropped = await queue.claim(2, 0.2)
    await asyncio.sleep(0.25)
    assert await queue.renew(60, {worked_on.item}) == {worked_on.item}
    other = BatchQueue(database)
    assert [(lease.item, lease.attempt) for lease in await other.claim(5, 60)] == [(dropped.item, 2)]
    assert await queue.answer(worked_on, "right") is not None


async def test_a_server_does_not_take_what_it_works_on_although_the_lease_ran_out(queue: BatchQueue) -> None:
    await submit(queue, 1)
    (lease,) = await queue.claim(1, -1)
    assert await queue.claim(1, 60, in_hand={lease.item}) == []
    assert await queue.renew(60, {lease.item}) == {lease.item}


async def test_items_given_back_are_taken_again(queue: BatchQueue) -> None:
    await submit(queue, 2)
    first, _ = await queue.claim(2, 60)
    await queue.release(first)
    await queue.give_back()
    assert [(lease.name, lease.attempt) for lease in await queue.claim(2, 60)] == [("item0", 2), ("item1", 1)]


async def test_who_is_alone_takes_back_what_a_dead_server_held(queue: BatchQueue, database: Database) -> None:
    await submit(queue, 2)
    answered, lost = await queue.claim(2, 600)
    await queue.answer(answered, "yes")
    other = BatchQueue(database)
    await other.take_back()
    assert [(lease.item, lease.attempt) for lease in await other.claim(5, 60)] == [(lost.item, 2)]
    assert await queue.answer(lost, "late") is None


async def test_a_cancelled_batch_gets_no_more_answers(queue: BatchQueue) -> None:
    batch = await submit(queue, 3)
    answered, running = await queue.claim(2, 60)
    await queue.answer(answered, "yes")
    cancelled = await queue.cancel(batch.id)
    assert cancelled is not None
    assert (cancelled.answered, cancelled.running) == (1, 0)
    assert cancelled.cancelled == cancelled.finished is not None
    assert await queue.answer(running, "late") is None
    assert await queue.claim(5, 60) == []
    assert await queue.renew(60, {answered.item, running.item}) == set()
    assert await queue.cancel(batch.id) == cancelled
    assert await queue.cancel("nonsense") is None


async def test_a_key_stands_for_one_batch_of_its_owner(queue: BatchQueue) -> None:
    batch = await submit(queue, 2, key="monday")
    assert (await submit(queue, 2, key="monday")).id == batch.id
    assert (await submit(queue, 2, "bob", key="monday")).id != batch.id
    assert (await submit(queue, 2)).id != (await submit(queue, 2)).id
    with pytest.raises(KeyUsedError, match="monday"):
        await queue.submit(submission(2, key="monday", digest="other"), 1000, 1000)


async def test_one_key_submitted_by_many_at_once_makes_one_batch(database: Database) -> None:
    batches = await asyncio.gather(*(submit(BatchQueue(database), 3, key="monday") for _ in range(8)))
    assert len({batch.id for batch in batches}) == 1


async def test_there_is_room_for_so_many_unfinished_items(queue: BatchQueue) -> None:
    await queue.submit(submission(3), 5, 4)
    with pytest.raises(QueueFullError):
        await queue.submit(submission(2), 5, 4)
    with pytest.raises(QueueFullError):
        await queue.submit(submission(3, "bob"), 5, 4)
    await queue.submit(submission(2, "bob"), 5, 4)


async def test_a_small_batch_does_not_wait_behind_a_large_one(queue: BatchQueue) -> None:
    large = await submit(queue, 20)
    assert len(await queue.claim(4, 60)) == 4
    small = await submit(queue, 2, "bob")
    assert [lease.batch for lease in await queue.claim(4, 60)] == [small.id, small.id, large.id, large.id]


async def test_finished_batches_are_deleted_with_their_answers(queue: BatchQueue, database: Database) -> None:
    batch, unfinished = await submit(queue, 1), await submit(queue, 1)
    (lease,) = await queue.claim(1, 60)
    await queue.answer(lease, "yes")
    assert database.write_now(lambda c: trim(database, c, older_than=60)) == 0
    assert database.write_now(lambda c: trim(database, c, older_than=-1)) == 1
    assert await queue.find(batch.id) is None
    assert await queue.answers(batch.id, 0, 9) == []
    assert await queue.find(unfinished.id) is not None


WORK = """
import asyncio, sys
from prover.store.database import Database
from prover.store.records.queue import BatchQueue

async def main():
    queue = BatchQueue(Database.open(sys.argv[1]))
    while True:
        for lease in await queue.claim(3, 1.0):
            await asyncio.sleep(0.02)
            position = await queue.answer(lease, lease.name + " by " + sys.argv[2])
            print(f"{lease.name} {position}", flush=True)
        await asyncio.sleep(0.01)

asyncio.run(main())
"""


async def test_no_item_is_lost_or_done_twice_when_servers_are_killed(url: str, queue: BatchQueue) -> None:
    batch = await submit(queue, 120)
    names = iter(range(100))

    def server() -> subprocess.Popen[str]:
        return subprocess.Popen([sys.executable, "-c", WORK, url, str(next(names))], stdout=subprocess.PIPE, text=True)

    servers = [server(), server()]
    said: list[str] = []
    kills = 0
    deadline = time.monotonic() + 120
    while (now := await queue.find(batch.id)) is not None and now.finished is None:
        assert time.monotonic() < deadline, now
        if kills < 4 and now.answered > 20 * (kills + 1):
            victim = servers.pop(0)
            victim.send_signal(signal.SIGKILL)
            said += victim.communicate()[0].splitlines()
            servers.append(server())
            kills += 1
        await asyncio.sleep(0.05)
    for victim in servers:
        victim.kill()
        said += victim.communicate()[0].splitlines()
    answers = await queue.answers(batch.id, 0, 1000)
    assert kills == 4
    assert [position for position, _ in answers] == list(range(1, 121))
    assert Counter(answer.split()[0] for _, answer in answers) == Counter(f"item{n}" for n in range(120))
    counted = [line for line in said if not line.endswith("None")]
    assert max(Counter(line.split()[0] for line in counted).values()) == 1, json.dumps(counted)
