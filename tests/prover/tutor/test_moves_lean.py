"""Complete and partial proofs, read by Lean."""

import pytest

from prover.lean.checker import DEFAULT_TERMS
from prover.lean.workers.pool import WorkerPool
from prover.requests import StatementError
from prover.theorem import Theorem
from prover.tutor.proofs.moves import Outline, outline
from prover.tutor.proofs.reading import ProofReader, Reading

pytestmark = pytest.mark.lean

SWAP = Theorem("theorem t (p q : Prop) (h : p ∧ q) : q ∧ p")
ZERO = Theorem("theorem t (n : Nat) : 0 + n = n")


async def outlined(lean: WorkerPool, theorem: Theorem, proof: str) -> Outline:
    return outline(proof, await lean.steps(theorem, proof))


async def read(lean: WorkerPool, theorem: Theorem, proof: str) -> Reading:
    return await ProofReader(lean, theorem, DEFAULT_TERMS).read(proof)


async def test_a_move_holds_no_proofs_of_what_is_inside_it(lean_pool: WorkerPool) -> None:
    proof = "by\n  induction n with\n  | zero => rfl\n  | succ n ih =>\n    rw [← Nat.add_assoc, ih]"
    first, zero, succ = (await outlined(lean_pool, ZERO, proof)).moves
    assert first.text == "induction n with\n| zero => sorry\n| succ n ih => sorry"
    assert (first.goal, first.holds, first.names) == ("n : Nat\n⊢ 0 + n = n", True, ())
    assert (zero.text, zero.goal, zero.closes) == ("rfl", "case zero\n⊢ 0 + 0 = 0", True)
    assert [name.name for name in succ.names] == ["Nat.add_assoc"]


async def test_bullets_are_no_moves_and_combinations_are_one(lean_pool: WorkerPool) -> None:
    found = await outlined(lean_pool, SWAP, "by\n  constructor\n  · exact h.2\n  · first | (skip; exact h.1) | simp")
    assert [move.text for move in found.moves] == ["constructor", "exact h.2", "first | (skip; exact h.1) | simp"]
    found = await outlined(lean_pool, SWAP, "by constructor <;> (simp [h]; done)")
    assert [move.text for move in found.moves] == ["constructor <;> (simp [h]; done)"]


async def test_a_block_from_a_goal_on_is_what_closes_it(lean_pool: WorkerPool) -> None:
    found = await outlined(
        lean_pool, SWAP, "by\n  have hq : q := by\n    exact h.2\n  obtain ⟨hp, _⟩ := h; exact ⟨hq, hp⟩"
    )
    have, inner, obtain, _ = found.moves
    assert [block for _, block in found.closing(inner.goal)] == ["exact h.2"]
    assert [block for _, block in found.closing(obtain.goal)] == ["obtain ⟨hp, _⟩ := h; exact ⟨hq, hp⟩"]
    assert [block for _, block in found.closing(have.goal)] == [
        found.proof.removeprefix("by\n  ").replace("\n  ", "\n")
    ]


@pytest.mark.parametrize(
    ("proof", "steps", "open_goals", "goal"),
    [
        ("", [], 1, "q ∧ p"),
        ("by", [], 1, "q ∧ p"),
        ("by\n  constructor", ["constructor"], 2, "q"),
        ("by\n  constructor\n  ·", ["constructor"], 1, "q"),
        ("by\n  constructor\n  · exact h.2", ["constructor", "exact h.2"], 1, "p"),
        ("by constructor", ["constructor"], 2, "q"),
        ("by\n  constructor\n  · sorry\n  · exact h.1", ["constructor"], 1, "q"),
        ("by\n  constructor\n  · skip\n  · exact h.1", ["constructor", "skip"], 1, "q"),
        ("by\n  have hq : q := by", ["have hq : q := by sorry"], 1, "q"),
    ],
)
async def test_a_half_proof_goes_on_where_goals_are_open(
    lean_pool: WorkerPool, proof: str, steps: list[str], open_goals: int, goal: str
) -> None:
    found = await read(lean_pool, SWAP, proof)
    assert [move.text for move in found.accepted.moves] == steps
    assert found.open == open_goals
    assert found.goals[0].endswith(f"⊢ {goal}")
    assert found.refused is None


@pytest.mark.parametrize(
    ("proof", "line"),
    [
        ("by\n  left\n  cases n with\n  | zero => decide\n  | succ n => sorry", 3),
        ("by\n  cases n with\n  | zero => decide\n  | succ n =>\n    left\n    skip", 5),
        ("by\n  left\n  cases n\n  rfl\n  skip", 3),
    ],
)
async def test_the_step_that_led_to_a_goal_is_not_one_of_another_case(
    lean_pool: WorkerPool, proof: str, line: int
) -> None:
    found = await read(lean_pool, Theorem("theorem t (n : Nat) : n = 0 ∨ n ≠ 0"), proof)
    last = found.accepted.leading_to(len(found.before), found.goals[0])
    assert proof.count("\n", 0, last.start) + 1 == line


async def test_the_step_that_cannot_be_continued_is_told_with_its_goal_and_the_reason(lean_pool: WorkerPool) -> None:
    found = await read(lean_pool, SWAP, "by\n  constructor\n  · exact h.1\n  · exact h.1")
    assert found.refused is not None
    assert (found.refused.text, found.refused.line, found.refused.column) == ("exact h.1", 3, 4)
    assert "Type mismatch" in found.refused.reason
    assert found.refused.goal.endswith("⊢ q")
    assert (found.open, found.before) == (2, "by\n  constructor\n  ")


@pytest.mark.parametrize("line", ["exact h.1 +", "foo bar (", "≟≟", "/- a remark"])
async def test_a_line_that_cannot_be_read_is_told_and_what_is_before_it_holds(lean_pool: WorkerPool, line: str) -> None:
    found = await read(lean_pool, SWAP, f"by\n  constructor\n  {line}")
    assert found.refused is not None
    assert (found.refused.text, found.refused.line) == (line, 3)
    assert found.open == 2


async def test_a_case_that_is_not_written_is_told_with_names(lean_pool: WorkerPool) -> None:
    assert (await read(lean_pool, ZERO, "by\n  induction n with\n  | zero => rfl")).missing == "| succ n ih =>"
    assert (await read(lean_pool, ZERO, "by\n  cases n with")).missing == "| zero =>"


async def test_a_complete_proof_is_judged_by_the_kernel(lean_pool: WorkerPool) -> None:
    found = await read(lean_pool, SWAP, "by\n  exact ⟨h.2, h.1⟩")
    assert found.verdict is not None
    assert found.verdict.verified


async def test_a_theorem_that_does_not_elaborate_is_told_as_such(lean_pool: WorkerPool) -> None:
    with pytest.raises(StatementError, match="statement 1:"):
        await read(lean_pool, Theorem("theorem t : 1 + = 2"), "by\n  simp")


async def test_a_sorry_in_a_branch_of_match_is_a_place_to_go_on(lean_pool: WorkerPool) -> None:
    reading = await read(lean_pool, ZERO, "by\n  match n with\n  | 0 => sorry\n  | k + 1 => sorry")
    assert (reading.refused, reading.open) == (None, 1)
    assert reading.before == "by\n  match n with\n  | 0 => "


async def test_the_first_step_of_a_branch_of_match_is_a_step(lean_pool: WorkerPool) -> None:
    proof = "by\n  match n with\n  | 0 => rfl\n  | k + 1 =>\n    have one : 1 = 1 := by\n      rfl\n    have two := k\n    simp"
    found = await outlined(lean_pool, ZERO, proof)
    assert [move.text for move in found.moves] == [
        "match n with\n| 0 => sorry\n| k + 1 => sorry",
        *("rfl", "have one : 1 = 1 := by sorry", "rfl", "have two := k", "simp"),
    ]
    inline = "by\n  match n with\n  | 0 => rfl\n  | k + 1 => have one := (by exact k : Nat)\n             simp"
    found = await outlined(lean_pool, ZERO, inline)
    assert [move.text for move in found.moves][2:] == ["have one := (by sorry : Nat)", "exact k", "simp"]
