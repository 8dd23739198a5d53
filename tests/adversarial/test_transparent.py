"""The transparent path: expansions of macros are vetted; doubtful ones go into quarantine, with the same verdict."""

import pytest

from prover.candidate import Candidate
from prover.lean.checker import Terms
from prover.lean.workers.isolation.quarantine import Quarantine
from prover.lean.workers.pool import WorkerPool
from prover.theorem import Theorem
from prover.verdict import Limits, Mode, Path, Verdict, VerdictKind

pytestmark = pytest.mark.lean

PATIENT = Terms(Limits(seconds=60))
OPERATOR = 'def op (a b : Nat) : Nat := a + 2 * b\ninfixl:65 " ⊞ " => op'
NATURALS = 'notation "ℕ" => Nat'


async def both(pool: WorkerPool, theorem: Theorem, candidate: Candidate) -> tuple[Verdict, Verdict]:
    """Return the verdicts of a shared worker and of quarantine."""
    theorem = pool.canonical(theorem)
    shared = await pool.check(theorem, candidate, PATIENT)
    quarantine = Quarantine(lambda: pool.elaborator(theorem), pool.judges)
    try:
        return shared, await quarantine.check(theorem, candidate, PATIENT)
    finally:
        await quarantine.close()


@pytest.mark.parametrize(
    ("context", "statement", "proof", "kind"),
    [
        (NATURALS, "theorem t : (1 : ℕ) = 2", "rfl", VerdictKind.REJECTED),
        (NATURALS, "theorem t : (1 : ℕ) = 2", "by sorry", VerdictKind.INCOMPLETE),
        ("", "theorem t (a b : Nat) : a + b = b + a", "by solve | rfl | omega", VerdictKind.VERIFIED),
        ("", "theorem t (a b : Nat) : a + b = b", "by solve | rfl | omega", VerdictKind.REJECTED),
        (OPERATOR, "theorem t : 1 ⊞ 2 ⊞ 3 = 11", "by decide", VerdictKind.VERIFIED),
        (OPERATOR, "theorem t : 1 ⊞ 2 ⊞ 3 = 17", "by decide", VerdictKind.REJECTED),
        ('notation "⟪" x "⟫" => (x, x)', "theorem t : (⟪·⟫ : Nat → Nat × Nat) 3 = (3, 3)", "rfl", VerdictKind.VERIFIED),
        ('notation "two" => 1 + 1', "theorem t : two * 2 = 4", "rfl", VerdictKind.VERIFIED),
        (
            'section\nlocal notation "ℕ" => Nat\ntheorem x (n : ℕ) : n = n := rfl\nend',
            "theorem t : ∀ ℕ : Nat, ℕ = ℕ",
            "fun _ => rfl",
            VerdictKind.VERIFIED,
        ),
    ],
)
async def test_verdict_is_that_of_quarantine(
    context: str, statement: str, proof: str, kind: VerdictKind, lean_pool: WorkerPool
) -> None:
    shared, contained = await both(lean_pool, Theorem(statement, context=context), Candidate(proof))
    assert (shared.kind, shared.path) == (kind, Path.TRANSPARENT), shared.messages
    assert (contained.kind, contained.path) == (kind, Path.QUARANTINE), contained.messages


@pytest.mark.parametrize(
    ("context", "proof"),
    [
        ('macro "finish" : tactic => `(tactic| trivial)', "by finish"),
        ('notation "yes" => $(True)', "trivial"),
        ('notation "2" => (1 : Nat)', "trivial"),
        ('notation "evaluated" => Lean.reduceBool', "trivial"),
        ('notation (name := Lean.Parser.Term.app) "yes" => True', "trivial"),
        ('notation (priority := high) a " = " b => a ≤ b', "trivial"),
        ('@[simp] notation "yes" => True', "trivial"),
        ('namespace N\nscoped notation "yes" => True\nend N\nopen N', "trivial"),
        ('notation "yes" => by trivial', "trivial"),
        ('notation "unknown" => thereIsNoSuchThing', "trivial"),
        ('variable (G : Nat)\nlocal notation "g" => G', "trivial"),
        ('syntax "∃ " term : term\nmacro_rules | `(∃ $x) => `($x)', "trivial"),
        ('def f : Bool := true\nnotation "true" => f', "by simp (decide := true)"),
        ('def f : Nat := 1\nnotation "." "all" => f', "by simp (transparency := .all)"),
        ("unif_hint (a b : Nat) where ⊢ a + 0 =?= a", "trivial"),
        ('notation "yes" => True', "by solve | (run_tac pure ()) | trivial"),
        (NATURALS, "by run_tac pure ()\n   trivial"),
        (NATURALS, "by native_decide"),
    ],
)
async def test_whatever_may_be_a_program_is_left_to_quarantine(context: str, proof: str, lean_pool: WorkerPool) -> None:
    verdict = await lean_pool.check(Theorem("theorem t : True", context=context), Candidate(proof), PATIENT)
    assert (verdict.kind, verdict.containable, verdict.path) == (VerdictKind.FORBIDDEN, True, Path.LISTED)


async def test_candidate_declares_no_notation(lean_pool: WorkerPool) -> None:
    file = 'notation:max "False" => True\ntheorem target : False := trivial'
    shared, contained = await both(lean_pool, Theorem("theorem target : False"), Candidate(file, Mode.FILE))
    assert (shared.kind, shared.containable) == (VerdictKind.FORBIDDEN, True)
    assert contained.kind is VerdictKind.STATEMENT_CHANGED


async def test_expansion_without_end_is_refused_soon(lean_pool: WorkerPool) -> None:
    context = 'notation "twice " x => Prod.mk x x'
    proof = "let _ := " + "twice " * 60 + "1; trivial"
    verdict = await lean_pool.check(Theorem("theorem t : True", context=context), Candidate(proof), PATIENT)
    assert (verdict.kind, verdict.containable) == (VerdictKind.FORBIDDEN, True)
    small = "let _ := " + "twice " * 3 + "1; trivial"
    verdict = await lean_pool.check(Theorem("theorem t : True", context=context), Candidate(small), PATIENT)
    assert (verdict.kind, verdict.path) == (VerdictKind.VERIFIED, Path.TRANSPARENT)


async def test_notation_of_one_request_is_unknown_to_the_next(lean_pool: WorkerPool) -> None:
    statement = "theorem t (n : ℕ) : n = n"
    assert (await lean_pool.check(Theorem(statement, context=NATURALS), Candidate("rfl"), PATIENT)).verified
    without = await lean_pool.check(Theorem(f"{statement} ∧ True"), Candidate("⟨rfl, trivial⟩"), PATIENT)
    assert (without.kind, without.path) == (VerdictKind.INVALID_STATEMENT, Path.LISTED)
    assert (await lean_pool.check(Theorem(statement, context=NATURALS), Candidate("Eq.refl n"), PATIENT)).verified
