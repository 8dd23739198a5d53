import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio
from sqlalchemy import func, select

from prover.candidate import Candidate
from prover.lean.checker import Terms
from prover.lean.workers.pool import WorkerPool
from prover.receipts.receipt import Receipt, Toolchain
from prover.store.database import Database
from prover.store.records.proofs import Capacity, ProofStore, every_proof
from prover.store.tables import ProofRow
from prover.theorem import Theorem
from prover.verdict import Limits, Policy, Trust, Verdict, VerdictKind

pytestmark = pytest.mark.lean

SWAP = Theorem("theorem swap (a b : Nat) : a + b = b + a")
LIMITS = Limits(seconds=60)
TERMS = Terms(LIMITS)
DEFAULT = Policy()


@pytest_asyncio.fixture(loop_scope="session")
async def store(database: Database, lean_pool: WorkerPool) -> AsyncIterator[ProofStore]:
    await lean_pool.ready()
    yield ProofStore(database, Toolchain(lean_pool.lean_version, lean_pool.runtime))


async def keep(store: ProofStore, pool: WorkerPool, theorem: Theorem, proof: str, policy: Policy = DEFAULT) -> Verdict:
    candidate = Candidate(proof, source="test", seed=7)
    verdict = await pool.check(theorem, candidate, Terms(LIMITS, policy))
    assert verdict.verified, verdict
    await store.remember(theorem, candidate, verdict, LIMITS)
    return verdict


def kept(database: Database) -> int:
    return database.read_now(lambda c: c.scalar(select(func.count()).select_from(ProofRow))) or 0


async def test_a_proof_is_served_after_it_was_verified_again(store: ProofStore, lean_pool: WorkerPool) -> None:
    await keep(store, lean_pool, SWAP, "Nat.add_comm a b")
    (proof,) = await store.recall(SWAP, lean_pool, TERMS)
    assert (proof.candidate.text, proof.candidate.source, proof.candidate.seed) == ("Nat.add_comm a b", "test", 7)
    assert proof.verdict.verified
    assert proof.stored


async def test_a_theorem_is_found_under_another_name(store: ProofStore, lean_pool: WorkerPool) -> None:
    await keep(store, lean_pool, SWAP, "by omega")
    other = Theorem("theorem Nat.exchanged (a b : Nat) :\n  a + b = b + a -- commutes")
    (proof,) = await store.recall(other, lean_pool, TERMS)
    assert proof.verdict.theorem == "Nat.exchanged"


async def test_proofs_of_one_theorem_come_back_distinct(store: ProofStore, lean_pool: WorkerPool) -> None:
    for text in ("by omega", "by  omega -- again", "Nat.add_comm a b", "by simp [Nat.add_comm]"):
        await keep(store, lean_pool, SWAP, text)
    proofs = await store.recall(SWAP, lean_pool, TERMS, wanted=9)
    assert {proof.candidate.text for proof in proofs} == {"by omega", "Nat.add_comm a b", "by simp [Nat.add_comm]"}
    assert len(await store.recall(SWAP, lean_pool, TERMS, wanted=2)) == 2


async def test_what_is_unknown_is_not_found(store: ProofStore, lean_pool: WorkerPool) -> None:
    await keep(store, lean_pool, SWAP, "by omega")
    assert await store.recall(Theorem("theorem t : 1 = 1"), lean_pool, TERMS) == []


async def test_a_tampered_proof_is_not_served_and_not_kept(
    store: ProofStore, lean_pool: WorkerPool, database: Database
) -> None:
    await keep(store, lean_pool, SWAP, "by omega")
    receipt = next(every_proof(database)).receipt
    forged = receipt.model_copy(update={"candidate": "by simp_all; done; sorry"}).write()
    database.write_now(lambda c: c.execute(ProofRow.__table__.update().values(receipt=forged)))  # type: ignore[attr-defined]
    assert await store.recall(SWAP, lean_pool, TERMS) == []
    assert kept(database) == 0


async def test_a_proof_under_a_wider_policy_is_not_served_and_kept(
    store: ProofStore, lean_pool: WorkerPool, database: Database
) -> None:
    wide = Policy("wide", axioms=("Lean.ofReduceBool", "Lean.trustCompiler"), guard="")
    await keep(store, lean_pool, SWAP, "Nat.add_comm a b", wide)
    guarded = replace(DEFAULT, guard="Nat.add_comm")
    assert await store.recall(SWAP, lean_pool, Terms(LIMITS, guarded)) == []
    assert kept(database) == 1
    assert len(await store.recall(SWAP, lean_pool, Terms(LIMITS, wide))) == 1


async def test_a_proof_that_names_its_own_theorem_costs_one_check_under_another_name(
    store: ProofStore, lean_pool: WorkerPool, database: Database
) -> None:
    theorem = Theorem("theorem down (n : Nat) : n - n = 0")
    await keep(
        store,
        lean_pool,
        theorem,
        "by\n  cases n with\n  | zero => rfl\n  | succ m => exact (Nat.add_sub_add_right m 1 m).trans (down m)",
    )
    assert await store.recall(Theorem("theorem up (n : Nat) : n - n = 0"), lean_pool, TERMS) == []
    assert kept(database) == 1
    assert len(await store.recall(theorem, lean_pool, TERMS)) == 1


async def test_proofs_below_the_wanted_trust_are_not_served(store: ProofStore, lean_pool: WorkerPool) -> None:
    await keep(store, lean_pool, SWAP, "by omega")
    assert await store.recall(SWAP, lean_pool, TERMS, trust=Trust.ISOLATED_REPLAY) == []


async def test_only_what_is_verified_is_kept(store: ProofStore, database: Database) -> None:
    with pytest.raises(ValueError, match="needs a verified proof"):
        await store.remember(SWAP, Candidate("by omega"), Verdict(VerdictKind.REJECTED), LIMITS)
    assert kept(database) == 0


async def test_the_least_recently_used_proof_goes_first(
    store: ProofStore, lean_pool: WorkerPool, database: Database
) -> None:
    theorems = [Theorem(f"theorem t : {n} = {n}") for n in range(5)]
    for theorem in theorems:
        await keep(store, lean_pool, theorem, "rfl")
    await store.recall(theorems[0], lean_pool, TERMS)
    assert await store.trim(Capacity(proofs=2)) == 3
    statements = {proof.receipt.statement for proof in every_proof(database)}
    assert statements == {theorems[0].statement, theorems[4].statement}
    each = next(every_proof(database)).receipt.write()
    assert await store.trim(Capacity(size=len(each) + 10)) == 1
    assert await store.trim(Capacity(), older_than=3600) == 0
    assert await store.trim(Capacity(), older_than=-1) == 1


async def test_receipts_in_the_store_can_be_checked(
    store: ProofStore, lean_pool: WorkerPool, database: Database
) -> None:
    await keep(store, lean_pool, SWAP, "by omega")
    receipt = Receipt.read(next(every_proof(database)).receipt.write())
    verdict, differences = await receipt.check_again(lean_pool, Toolchain(lean_pool.lean_version, lean_pool.runtime))
    assert verdict.verified
    assert differences == []


REMEMBER = """
import asyncio, sys
from prover.candidate import Candidate
from prover.receipts.receipt import Toolchain
from prover.store.database import Database
from prover.store.records.proofs import ProofStore
from prover.theorem import Theorem
from prover.verdict import Limits, Trust, Verdict, VerdictKind

async def main():
    database = Database.open(sys.argv[1])
    store = ProofStore(database, Toolchain("test", "embedded"))
    verdict = Verdict(VerdictKind.VERIFIED, Trust.KERNEL_REPLAYED, theorem="t")
    for n in range(40):  # those of even n are the same in both processes
        name = n if n % 2 == 0 else f"{n}{sys.argv[2]}"
        await store.remember(Theorem("theorem t : 1 = 1"), Candidate(f"proof{name}"), verdict, Limits())
    database.close()

asyncio.run(main())
"""


def test_two_processes_write_to_one_database(url: str) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", REMEMBER, url, name], stderr=subprocess.PIPE) for name in "ab"]
    assert [(writer.communicate()[1], writer.returncode) for writer in writers] == [(b"", 0)] * 2
    database = Database.open(url)
    assert kept(database) == 60
    database.close()
