"""Proofs are shortened by checked steps only; here a text is verified if it contains some words.

tests/prover/search/strategies/test_strategies_lean.py does it with Lean.
"""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prover.search.diversity import length
from prover.search.minimise import minimise, reductions

LINES = [
    "intro h",
    "simp [a, b, c]",
    "have x : p := by\n    omega",
    "first | omega | (simp; done) | grind",
    "· exact h.1",
]
LINES += [
    "cases h with\n  | inl a => simp\n  | inr b => simp [b]",
    "constructor <;> simp_all",
    "try norm",
    "rw [a] at *",
]
proofs = st.lists(st.sampled_from(LINES), min_size=1, max_size=6).map(lambda lines: "by\n  " + "\n  ".join(lines))


class Holds:
    """Verifies texts that contain all of some words, and counts its checks."""

    def __init__(self, *words: str) -> None:
        self.words = words
        self.asked: list[str] = []

    async def __call__(self, proof: str) -> bool:
        self.asked.append(proof)
        return all(word in proof for word in self.words)


@given(proofs)
def test_every_reduction_is_shorter(proof: str) -> None:
    assert all(length(reduced) < length(proof) for reduced in reductions(proof))


@settings(max_examples=60)
@given(proofs, st.integers(0, 30), st.data())
def test_the_result_holds_is_no_longer_and_takes_no_more_checks_than_allowed(
    proof: str, checks: int, data: st.DataObject
) -> None:
    needed = data.draw(st.lists(st.sampled_from(proof.split()), max_size=3))
    holds = Holds(*needed)
    shorter = asyncio.run(minimise(proof, holds, checks, 60))
    assert len(holds.asked) <= checks
    assert len(holds.asked) == len(set(holds.asked))
    assert all(word in shorter for word in needed)
    assert shorter == proof or (shorter in holds.asked and length(shorter) < length(proof))


@pytest.mark.parametrize(
    ("proof", "words", "shortest"),
    [
        ("by\n  intro h\n  have a := h.1\n  simp [a, b]\n  omega", ["omega"], "by\n  omega"),
        ("by\n  intro h\n  have a := f h\n  exact g h", ["intro h", "exact g h"], "by\n  intro h\n  exact g h"),
        ("by simp [a, b, c, d]", ["simp", "c"], "by simp [c]"),
        ("by\n  first | omega | (simp; done) | grind", ["grind"], "by\n  grind"),
        ("by\n  first | omega | (simp; done) | grind", ["simp"], "by\n  simp"),
        ("by\n  first\n    | omega\n    | grind [f]", ["grind"], "by\n  grind"),
        ("by\n  induction n with\n  | zero => simp\n  | succ n ih => simp [a, ih]", ["induction", "zero", "ih]"], None),
        ("by\n  constructor <;> simp_all", ["constructor"], "by\n  constructor"),
        ("by\n  try simp at *", ["simp"], "by\n  simp"),
        ("fun h => by simp [h, k]", ["fun", "simp", "k"], "fun h => by simp [k]"),
    ],
)
async def test_what_is_not_needed_goes(proof: str, words: list[str], shortest: str | None) -> None:
    shorter = await minimise(proof, Holds(*words), 200, 60)
    assert shorter == (shortest or "by\n  induction n with\n  | zero => simp\n  | succ n ih => simp [ih]")


async def test_what_every_step_is_given_and_none_needs_goes_everywhere_at_once() -> None:
    steps = "by\n  induction n with\n  | zero => simp [a, b, c, d]\n  | succ k ih => simp_all [a, b, c, d] <;> omega"
    holds = Holds("induction n with", "zero => simp [", "ih => simp_all [", "b", "omega")
    found = await minimise(steps, holds, checks=8, seconds=60)
    assert found == steps.replace("a, b, c, d", "b")


async def test_time_ends_it_with_the_best_so_far() -> None:
    asked: list[str] = []

    async def slow(proof: str) -> bool:
        asked.append(proof)
        if len(asked) > 1:
            await asyncio.Event().wait()
        return True

    shorter = await minimise("by\n  intro h\n  simp [a]\n  omega [b]", slow, 100, 0.05)
    assert shorter == asked[0] == "by\n  omega [b]"


async def test_a_very_long_proof_is_left_alone() -> None:
    proof = "by\n" + "  simp\n" * 10_000
    holds = Holds()
    assert await minimise(proof, holds, 100, 60) == proof
    assert not holds.asked
