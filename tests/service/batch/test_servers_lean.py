"""Batches through servers that are killed: whole processes, with Lean of their own."""

import contextlib
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from prover.options import Budget, SearchOptions
from prover.requests import UnavailableError
from prover.theorem import Theorem
from service.batch.batches import Answered, BatchItem, BatchRequest, BatchState, ItemAnswer, ItemOutcome, NoBatchError
from service.client.client import Client
from service.ops.config import Settings
from tests.support.commands import Running, running

pytestmark = [pytest.mark.lean, pytest.mark.timeout(600)]

THEOREMS = [Theorem(f"theorem t{n} (a b c : Nat) : a + b * {n} + c = c + (a + {n} * b)") for n in range(24)]
OPTIONS = SearchOptions(Budget(seconds=60), repeat=False)
ITEMS = tuple(BatchItem(f"t{n}", theorem, family="sums") for n, theorem in enumerate(THEOREMS))


@contextlib.asynccontextmanager
async def server(store: Path) -> AsyncIterator[tuple[Running, str]]:
    """A server with one worker, and its address."""
    command = ("serve", "--listen", "127.0.0.1:0", "--metrics", "", "--workers", "1", "--store", store)
    async with running(*command, LEANSIEVE_BATCHES__LEASE_SECONDS="2") as process:
        yield process, (await process.stdout.readline()).decode().split()[-1]


async def test_a_batch_survives_servers_that_are_killed_and_nothing_is_lost_or_done_twice(tmp_path: Path) -> None:
    store = tmp_path / "store.sqlite"
    answers: dict[str, ItemAnswer] = {}
    position, batch_id, done = 0, "", False
    for life in range(3):
        async with server(store) as (process, address), Client(address, Settings()) as client:
            await client.ready(120)
            batch = BatchRequest(ITEMS, OPTIONS, key="killed", label="sums")
            status = await client.submit(batch)
            batch_id = batch_id or status.id
            assert status.id == batch_id, "the key stands for one batch, whichever server is asked"
            with contextlib.suppress(UnavailableError):
                async for event in client.watch(batch_id, position):
                    if isinstance(event, Answered):
                        assert event.position == position + 1
                        assert event.answer.id not in answers
                        answers[event.answer.id] = event.answer
                        position = event.position
                        if life < 2 and len(answers) >= 8 * (life + 1):
                            process.send_signal(signal.SIGKILL)
                    else:
                        done = event.state is BatchState.DONE
    assert done
    assert set(answers) == {item.id for item in ITEMS}
    assert {answer.outcome for answer in answers.values()} == {ItemOutcome.PROVED}
    assert all(answer.proofs[0].verdict.verified for answer in answers.values())


async def test_two_servers_share_the_work_and_the_answers(tmp_path: Path) -> None:
    store = tmp_path / "store.sqlite"
    async with (
        server(store) as (first, one),
        server(store) as (_, other),
        Client(one, Settings()) as client,
        Client(other, Settings()) as another,
    ):
        await client.ready(120)
        await another.ready(120)
        status = await client.submit(BatchRequest(ITEMS, OPTIONS))
        seen: list[str] = []
        async for event in another.watch(status.id):
            if isinstance(event, Answered):
                seen.append(event.answer.id)
                if event.position == 5:
                    first.send_signal(signal.SIGKILL)
        assert sorted(seen) == sorted(item.id for item in ITEMS)
        with pytest.raises(NoBatchError):
            await another.cancel("0" * 32)


async def test_a_server_without_a_store_refuses_batches_in_one_sentence(tmp_path: Path) -> None:
    async with server(Path("none")) as (_, address), Client(address, Settings()) as client:
        with pytest.raises(Exception, match=r"keeps no batches: set store\.url"):
            await client.submit(BatchRequest(ITEMS[:1], OPTIONS))
