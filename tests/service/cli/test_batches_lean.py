"""`leansieve batches` with a server that has some."""

import pytest

from prover.options import Budget, SearchOptions
from prover.theorem import Theorem
from service.batch.batches import BatchItem, BatchRequest
from service.client.client import Client
from tests.service.cli.test_cli_lean import leansieve

pytestmark = pytest.mark.lean

UNKNOWN = "0" * 32


async def test_batches_of_a_server_are_listed_shown_cancelled_and_deleted(served: str, lean_client: Client) -> None:
    items = tuple(BatchItem(str(number), Theorem(f"theorem t{number} : {number} = {number}")) for number in range(2))
    made = [
        await lean_client.submit(BatchRequest(items, SearchOptions(Budget(seconds=20)), label=name))
        for name in ("first\x1b[31m", "second")
    ]
    listed = await leansieve("batches", "list", "--server", served)
    lines = [line.split()[0] for line in listed.out.splitlines()]
    assert lines.index(made[1].id) < lines.index(made[0].id), "the newest comes first"
    assert "\x1b" not in listed.out
    cancelled = await leansieve("batches", "cancel", made[0].id, "--server", served)
    assert cancelled.status == 0
    shown = await leansieve("batches", "show", made[0].id, "--server", served)
    assert shown.out.split()[1] in ("cancelled", "done")
    for batch in made:
        assert (await leansieve("batches", "delete", batch.id, "--server", served)).out == f"{batch.id} is deleted\n"
    assert made[0].id not in (await leansieve("batches", "list", "--server", served)).out


async def test_a_batch_that_is_not_there_is_one_sentence(served: str) -> None:
    for command in ("show", "cancel", "delete"):
        done = await leansieve("batches", command, UNKNOWN, "--server", served)
        assert (done.status, done.err) == (2, f"leansieve: there is no batch {UNKNOWN}\n")
    strange = await leansieve("batches", "show", "a/b", "--server", served)
    assert strange.status == 2
    assert strange.err.startswith("leansieve: id: ")
