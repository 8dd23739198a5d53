"""Divisibility and remainders, recognised in texts."""

import pytest

from prover.search.tactics.goals.goal import read_goal
from prover.search.tactics.moves.arithmetic import by_remainder, differences, divided, remainders


def test_existences_of_a_multiple_become_remainders() -> None:
    (step,) = remainders(read_goal("n : Nat\n⊢ (∃ k, n = k + k) ∨ ∃ k, 2 * k + 1 = n"))
    assert "(∃ k, m = k + k) ↔ m % 2 = 0" in step
    assert "(∃ k, 2 * k + 1 = m) ↔ m % 2 = 1" in step
    assert step.endswith("simp only [e, e1] at *\n□")
    done = "n : Nat\ne : ∀ (m : Nat), (∃ k, m = k + k) ↔ m % 2 = 0\n⊢ n % 2 = 0 ∨ n % 2 = 1"
    assert list(remainders(read_goal(done))) == []


@pytest.mark.parametrize("target", ["∃ k, n = k * k", "∃ k, n = 2 * k + 5", "∃ k, k = k + k", "n = 2", "∃ x, p x"])
def test_what_is_no_remainder_is_left_alone(target: str) -> None:
    assert list(remainders(read_goal(f"n : Nat\n⊢ {target}"))) == []


def test_all_witnesses_of_divisibility_are_taken_at_once() -> None:
    goal = read_goal("a b d x : Nat\nh : d ∣ a\nk : d ∣ b + 1\n⊢ d ∣ a * x + (b + 1)")
    assert list(divided(goal)) == ["obtain ⟨c, rfl⟩ := h\nobtain ⟨d1, hd1⟩ := k\n□"]
    assert list(divided(read_goal("a : Nat\nh : 2 ∣ a\n⊢ a % 2 = 0"))) == []  # arithmetic knows that


def test_a_divisor_of_two_numbers_divides_their_difference() -> None:
    goal = read_goal("a b : Nat\nh : a ∣ b\nk : a ∣ b + 1\n⊢ a = 1")
    assert "have hd := Nat.dvd_sub k h\nsimp_all" in list(differences(goal))


def test_factors_are_taken_by_their_remainders() -> None:
    tactics = list(by_remainder(read_goal("n : Nat\nh : n % 2 = 1\n⊢ 8 ∣ n * n - 1")))
    assert any("n % 8 = 7" in each and "Nat.mul_mod n n 8" in each for each in tactics)
    assert list(by_remainder(read_goal("n : Nat\n⊢ n % 8 < 8"))) == []
    assert list(by_remainder(read_goal("f : Nat → Nat\nn : Nat\n⊢ f n * f n % 3 = 0"))) == []
