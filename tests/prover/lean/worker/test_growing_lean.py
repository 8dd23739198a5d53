"""A context that begins with the one before it, as the next theorem of a file has it, is elaborated from there on."""

import pytest

from prover.candidate import Candidate
from prover.lean.workers.pool import WorkerPool
from prover.theorem import Theorem
from prover.verdict import Verdict, VerdictKind

pytestmark = pytest.mark.lean

ABOVE = "def seven : Nat := 7\ntheorem below : seven < 8 := by decide\ntheorem slow (a b c : Nat) (h : a < b) : a + c < b + c := by omega\n"
ELSEWHERE = Theorem("theorem t : True", context="def other := 1")


async def check(pool: WorkerPool, context: str, statement: str, proof: str, fresh: bool = False) -> Verdict:
    """A verdict; `fresh`: after another context, which nothing goes on from."""
    if fresh:
        assert (await pool.check(ELSEWHERE, Candidate("trivial"))).verified
    return await pool.check(Theorem(statement, context=context), Candidate(proof))


@pytest.mark.parametrize(
    ("more", "statement", "proof", "kind"),
    [
        ("theorem eight : seven + 1 = 8 := rfl\n", "theorem t : seven + 1 < 9", "eight ▸ by decide", VerdictKind.VERIFIED),
        ("theorem gap : seven = 8 := sorry\n", "theorem t : seven = 8", "gap", VerdictKind.INCOMPLETE),
        ("  -- the last command goes on\n  <;> skip\n", "theorem t : seven < 9", "Nat.lt_succ_of_lt below", VerdictKind.VERIFIED),
        ("  + nothing\n", "theorem t : True", "trivial", VerdictKind.INVALID_STATEMENT),
        ("@[simp] theorem slow : True := trivial\n", "theorem t : True", "trivial", VerdictKind.INVALID_STATEMENT),
        ("namespace N\ntheorem below : True := trivial\n", "theorem t : True", "below", VerdictKind.VERIFIED),
        ("axiom a : seven = 8\n", "theorem t : True", "trivial", VerdictKind.FORBIDDEN),
        ('notation "⋆" => seven\n', "theorem t : ⋆ = 7", "rfl", VerdictKind.VERIFIED),
    ],
)  # fmt: skip
async def test_a_context_that_goes_on_has_the_verdict_that_it_has_alone(
    lean_pool: WorkerPool, more: str, statement: str, proof: str, kind: VerdictKind
) -> None:
    alone = await check(lean_pool, ABOVE + more, statement, proof, fresh=True)
    await check(lean_pool, ABOVE, "theorem t : True", "trivial", fresh=True)
    # a blank makes another context of it, which the worker has not seen
    grown = await check(lean_pool, ABOVE + more + " ", statement, proof)
    assert alone.kind is grown.kind is kind, (alone.messages, grown.messages)
    assert alone.axioms == grown.axioms
    assert alone.path is grown.path
    assert alone.messages == grown.messages
