"""Library theorems: listed, stated, and proved anew without themselves."""

import pytest

from prover.candidate import Candidate
from prover.lean import library
from prover.lean.checker import Terms
from prover.lean.wire.checks import NoAnswerError
from prover.lean.workers.pool import WorkerPool
from prover.theorem import Header, Theorem
from prover.verdict import VerdictKind

pytestmark = pytest.mark.lean

MODULE = "Init.Data.Nat.Basic"


@pytest.fixture(scope="module")
async def listed(lean_pool: WorkerPool) -> dict[str, str]:
    return {item.theorem.name: item.theorem.statement async for item in library.theorems(lean_pool, MODULE)}


async def test_modules_are_listed_by_pattern_in_import_order(lean_pool: WorkerPool) -> None:
    names = await library.modules(lean_pool, ("Init.Prelude", "Init.Data.Nat.*"))
    assert names[0] == "Init.Prelude"
    assert MODULE in names
    assert all(name.startswith("Init.") for name in names)


async def test_the_theorems_of_a_module_are_stated(lean_pool: WorkerPool, listed: dict[str, str]) -> None:
    assert len(listed) > 150
    assert not any(".eq_1" in name or "match_" in name or "_private" in name for name in listed)
    elaboration = await lean_pool.elaborate(Theorem(listed["Nat.add_comm"]))
    assert elaboration.verdict is VerdictKind.VERIFIED
    assert elaboration.type == "∀ (n m : Nat), n + m = m + n"


@pytest.mark.parametrize(
    ("proof", "says"),
    [
        ("Nat.add_comm", "is the theorem itself"),
        ("by intro n m; exact Nat.add_comm n m", "is the theorem itself"),
        ("by intros; omega", "does not precede"),
    ],
)
async def test_a_library_theorem_cannot_prove_itself(
    lean_pool: WorkerPool, listed: dict[str, str], proof: str, says: str
) -> None:
    theorem = Theorem(listed["Nat.add_comm"])
    verdict = await lean_pool.check(theorem, Candidate(proof), Terms(policy=library.guarded("Nat.add_comm")))
    assert verdict.kind is VerdictKind.FORBIDDEN
    assert says in verdict.messages[0].text


async def test_an_honest_proof_of_a_library_theorem_is_verified(lean_pool: WorkerPool, listed: dict[str, str]) -> None:
    proof = """by
  intro n m
  induction n with
  | zero => exact (Nat.rec rfl (fun k ih => congrArg Nat.succ ih) m : 0 + m = m)
  | succ n ih =>
    have h : ∀ k, n.succ + k = (n + k).succ := fun k => Nat.rec rfl (fun j ih => congrArg Nat.succ ih) k
    exact (h m).trans (congrArg Nat.succ ih)"""
    theorem = Theorem(listed["Nat.add_comm"])
    verdict = await lean_pool.check(theorem, Candidate(proof), Terms(policy=library.guarded("Nat.add_comm")))
    assert verdict.verified, verdict.messages


async def test_a_guard_that_names_no_library_theorem_refuses_everything(lean_pool: WorkerPool) -> None:
    theorem = Theorem("theorem t : 1 + 1 = 2")
    verdict = await lean_pool.check(theorem, Candidate("rfl"), Terms(policy=library.guarded("Nat.no_such")))
    assert verdict.kind is VerdictKind.FORBIDDEN


async def test_a_library_theorem_cannot_be_taken_out_of_a_structure_that_holds_it(lean_pool: WorkerPool) -> None:
    """The instance is a definition and no theorem; its recursor hands the proof out without naming a theorem."""
    side = "@HMul.hMul Nat Nat Nat (@instHMul Nat s.toMul)"
    motive = f"(fun s => {side} n m = {side} m n)"
    proof = Candidate(f"@Lean.Grind.CommSemiring.rec Nat {motive} (fun h => h n m) inferInstance")
    theorem = Theorem("theorem t (n m : Nat) : n * m = m * n")
    assert (await lean_pool.check(theorem, proof)).verified
    verdict = await lean_pool.check(theorem, proof, Terms(policy=library.guarded("Nat.mul_comm")))
    assert verdict.kind is VerdictKind.FORBIDDEN
    assert "does not precede" in verdict.messages[0].text


async def test_a_guard_does_not_take_a_definition_that_hides_its_value_for_a_theorem(lean_pool: WorkerPool) -> None:
    """Embedded, both look like axioms; `Nat.gcd` stands in the module of the guarded theorem."""
    theorem = Theorem("theorem t : Nat.gcd 12 18 = 6")
    verdict = await lean_pool.check(theorem, Candidate("rfl"), Terms(policy=library.guarded("Nat.gcd_self")))
    assert verdict.verified, verdict.messages


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Nat.gcd", "definition"),
        ("Nat.gcd_self", "theorem"),
        ("Nat.add_comm", "theorem"),
        ("propext", "axiom"),
        ("Nat.add", "definition"),
        ("Nat", "inductive"),
    ],
)
async def test_the_kind_of_a_constant_is_told(lean_pool: WorkerPool, name: str, kind: str) -> None:
    constant = await lean_pool.constant(name)
    assert constant is not None
    assert constant.kind == kind


async def test_a_header_that_lean_refuses_lists_no_modules_and_harms_no_later_check(lean_pool: WorkerPool) -> None:
    for prelude in ("open NoSuchNamespace", "def x := 1", "set_option nonsense true"):
        with pytest.raises(NoAnswerError):
            await lean_pool.modules(Header(prelude=prelude))
    assert "Init" in await lean_pool.modules()
    assert (await lean_pool.check(Theorem("theorem t : 1 + 1 = 2"), Candidate("rfl"))).verified
