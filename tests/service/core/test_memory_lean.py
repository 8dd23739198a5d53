"""Searches with stored results, with real Lean and a real database."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from prover.assistance.fill import search
from prover.candidate import Candidate
from prover.events import Ending, Finished, Proof
from prover.lean.workers.pool import WorkerPool
from prover.options import Budget, CheckOptions, Preference, SearchOptions, StoreUse
from prover.receipts.receipt import Toolchain
from prover.requests import Accepted, Check, Event, Search, Starting
from prover.store.database import Database
from prover.store.records.proofs import ProofStore
from prover.theorem import Theorem
from service.core.engine import Engine
from service.core.memory import ProofCache
from service.ops.config import Settings, StoreSettings

pytestmark = pytest.mark.lean

# A proof that was made to read better is kept beside the one that was found: as found, there is one.
SWAP = Search(Theorem("theorem swap (a b : Nat) : a + b = b + a"), SearchOptions(Budget(seconds=60), as_found=True))
HARD = Search(
    Theorem("theorem hard (a b : Nat) : a * b = a + b"),
    SearchOptions(Budget(samples=8, seconds=60), strategy="independent"),
)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database.open(str(tmp_path / "store.sqlite"))
    yield database
    database.close()


class Looks(list[bool]):
    """Which look-ups found something."""


@pytest.fixture
def looks() -> Looks:
    return Looks()


@pytest.fixture
async def engine(lean_pool: WorkerPool, database: Database, looks: Looks) -> Engine:
    settings = Settings()
    engine = Engine(settings, lean_pool, memory=ProofCache(database, StoreSettings(), looks.append))
    await engine.start()
    return engine


def asking(search: Search, **options: Any) -> Search:
    return replace(search, options=replace(search.options, **options))


async def run(engine: Engine, request: Search) -> tuple[list[Proof], Finished]:
    return await search(engine, request, lambda event: None)


async def test_a_proof_that_was_found_once_is_served_from_then_on(engine: Engine, looks: Looks) -> None:
    (first,), _ = await run(engine, SWAP)
    assert not first.stored
    again = replace(SWAP, theorem=Theorem("theorem exchanged (a b : Nat) : a + b = b + a -- again"))
    (proof,), finished = await run(engine, again)
    assert proof.stored
    assert proof.candidate == first.candidate
    assert proof.verdict.theorem == "exchanged"
    assert (finished.ending, finished.spent.sampled, finished.spent.checked) == (Ending.PROOFS_FOUND, 0, 1)
    assert finished.proofs == (proof,)
    assert looks == [False, True]


async def test_known_proofs_do_not_count_among_what_was_sampled(engine: Engine) -> None:
    await run(engine, SWAP)
    proofs, finished = await run(engine, asking(SWAP, budget=Budget(seconds=60, proofs=3)))
    assert [proof.stored for proof in proofs] == [True, False, False]
    assert 2 <= finished.spent.distinct <= finished.spent.sampled


async def test_a_search_adds_to_what_is_known_until_there_is_enough(engine: Engine) -> None:
    await run(engine, SWAP)
    proofs, finished = await run(engine, asking(SWAP, budget=Budget(seconds=60, proofs=3)))
    assert [proof.stored for proof in proofs] == [True, False, False]
    assert len({proof.candidate.text for proof in proofs}) == 3
    assert (finished.ending, finished.proofs) == (Ending.PROOFS_FOUND, tuple(proofs))
    proofs, _ = await run(engine, asking(SWAP, budget=Budget(seconds=60, proofs=3)))
    assert [proof.stored for proof in proofs] == [True] * 3


async def test_the_statement_is_accepted_before_known_proofs_come(engine: Engine) -> None:
    await run(engine, SWAP)
    kinds: list[type[Event]] = []
    await search(engine, SWAP, lambda event: kinds.append(type(event)))
    assert [kind for kind in kinds if kind is not Starting] == [Accepted, Proof, Finished]


@pytest.mark.parametrize("use", [StoreUse.NONE, StoreUse.READ])
async def test_nothing_is_kept_where_that_is_not_wanted(engine: Engine, use: StoreUse) -> None:
    await run(engine, asking(SWAP, store=use))
    (proof,), _ = await run(engine, SWAP)
    assert not proof.stored


@pytest.mark.parametrize("use", [StoreUse.NONE, StoreUse.WRITE])
async def test_known_proofs_are_not_served_where_that_is_not_wanted(engine: Engine, use: StoreUse) -> None:
    await run(engine, SWAP)
    (proof,), _ = await run(engine, asking(SWAP, store=use))
    assert not proof.stored


@pytest.mark.parametrize("wish", [{"minimise": True}, {"prefer": Preference.SHORTEST}])
async def test_known_proofs_do_not_answer_who_wants_the_best_of_many(engine: Engine, wish: dict[str, Any]) -> None:
    await run(engine, SWAP)
    (proof,), _ = await run(engine, asking(SWAP, **wish))
    assert not proof.stored


async def test_a_library_theorem_is_not_served_with_what_its_guard_forbids(
    engine: Engine, database: Database, lean_pool: WorkerPool
) -> None:
    store = ProofStore(database, Toolchain(lean_pool.lean_version, lean_pool.runtime))
    itself = Candidate("Nat.add_comm a b")
    await store.remember(SWAP.theorem, itself, await lean_pool.check(SWAP.theorem, itself), SWAP.options.check.limits)
    (proof,), _ = await run(engine, SWAP)
    assert proof.candidate == itself
    guarded = asking(HARD, check=CheckOptions(guard="Nat.add_comm"))  # its options: a few samples, not a minute
    proofs, _ = await run(engine, replace(guarded, theorem=SWAP.theorem))
    assert itself.text not in [proof.candidate.text for proof in proofs]


async def test_what_was_in_vain_is_spared_only_those_who_ask_for_that(engine: Engine) -> None:
    _, finished = await run(engine, HARD)
    assert finished.ending is not Ending.KNOWN_FAILURE
    spared = asking(HARD, repeat=False)
    _, finished = await run(engine, spared)
    assert (finished.ending, finished.spent.checked) == (Ending.KNOWN_FAILURE, 0)
    _, finished = await run(engine, HARD)
    assert finished.spent.checked > 0
    _, finished = await run(engine, asking(spared, budget=Budget(samples=9, seconds=60)))
    assert finished.spent.checked > 0
    _, finished = await run(engine, asking(spared, sampler="portfolio"))
    assert finished.spent.checked > 0


async def test_a_search_that_only_waited_for_a_worker_is_not_remembered_as_in_vain(engine: Engine) -> None:
    """Theorems that an overloaded server had no time for were answered KNOWN_FAILURE by an idle one."""
    others = [Theorem(f"theorem other{n} (a b : Nat) : a + b + {n} = {n} + b + a") for n in range(150)]
    async with asyncio.TaskGroup() as group:
        for theorem in others:
            group.create_task(engine.check(Check(theorem, Candidate("by omega"))))
        await asyncio.sleep(0.1)
        hurried = asking(SWAP, budget=Budget(seconds=0.2), repeat=False)
        proofs, finished = await run(engine, hurried)
    assert (proofs, finished.ending, finished.spent.checked) == ([], Ending.SECONDS_SPENT, 0)
    _, finished = await run(engine, asking(hurried, budget=Budget(seconds=0.1)))
    assert finished.ending is not Ending.KNOWN_FAILURE


async def test_a_database_that_fails_does_not_end_a_search(engine: Engine, database: Database) -> None:
    database.write_now(lambda c: c.exec_driver_sql("DROP TABLE leansieve_proofs"))
    with capture_logs() as logs:
        (proof,), _ = await run(engine, SWAP)
    assert proof.verdict.verified
    assert {line["event"] for line in logs} >= {"proofs cannot be looked up", "a proof cannot be kept"}
    assert SWAP.theorem.statement not in str(logs)
