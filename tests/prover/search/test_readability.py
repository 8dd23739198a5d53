"""Comparison of proofs by readability."""

import itertools

import pytest

from prover.search.readability import cost, readability
from prover.search.tactics.plain import plain


@pytest.mark.parametrize(
    "ordered",
    [
        ["hp", "h hp", "by simp", "by\n  by_cases hc : p <;> simp_all"],
        ["⟨n, rfl⟩", "by\n  repeat constructor"],
        ["by\n  omega", "by\n  grind", "by\n  try first | have h := a | have h := b\n  grind"],
        ["by\n  exact h", "by\n  first | omega | simp"],
    ],
)
def test_what_says_more_in_less_reads_better(ordered: list[str]) -> None:
    costs = [cost(proof) for proof in ordered]
    assert all(one < other for one, other in itertools.pairwise(costs))


def test_what_a_proof_names_is_counted() -> None:
    found = readability("by\n  have k := h.1\n  exact k hp", ["h", "hp", "hq"])
    assert (found.named, found.automation) == (2, 0.0)


def test_plain_proofs_come_best_first_and_use_what_is_there() -> None:
    proofs = list(plain("theorem t (p q r : Prop) (h : p → q → r) (hp : p) (hq : q) : r"))
    assert proofs[0] == "h hp hq"
    tactics = [cost(proof) for proof in proofs if proof.startswith("by")]
    assert tactics == sorted(tactics)
    assert next(plain("theorem t (p q : Prop) (h : p ∧ q) : q ∧ p")) == "h.symm"
    assert "⟨2 * k, rfl⟩" in plain("theorem t (k : Nat) : ∃ m, 4 * k = 2 * m")
    assert next(plain("theorem t : ∀ p : Prop, p → p")) == "fun p hp => hp"
