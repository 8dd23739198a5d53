"""Witnesses from the equations of a goal, and their arithmetic."""

import math
import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.search.tactics.goals.goal import read_goal
from prover.search.tactics.terms.polynomials import read_polynomial
from prover.search.tactics.terms.witnesses import closing, solutions, terms


@pytest.mark.parametrize(
    ("goal", "first"),
    [
        ("n k : Nat\nh : n = 6 * k\n⊢ ∃ m, n = 2 * m", "exact ⟨3 * k, by omega⟩"),
        ("j k : Nat\n⊢ ∃ i, (2 * j + 1) * (2 * k + 1) = 2 * i + 1", "exact ⟨2 * j * k + j + k, by omega⟩"),
        ("m n : Nat\n⊢ ∃ k, m + n = k + k", "exact ⟨(m + n) / 2, by omega⟩"),
        ("a k j : Nat\n⊢ a ∣ a * k + j * a", "exact Dvd.intro (a * k + a * j) (by omega)"),
    ],
)
def test_an_equation_is_solved_for_what_is_bound(goal: str, first: str) -> None:
    found = list(closing(read_goal(goal)))
    if "∣" in goal:
        assert found[0] == "exact Dvd.intro (j + k) (by omega)"
    else:
        assert found[0] == first


def test_what_has_no_solution_of_this_form_has_none() -> None:
    for goal in (
        "n : Nat\n⊢ ∃ k, n = k * k",
        "n : Nat\n⊢ n = n",
        "⊢ ∃ k, k < 3",
        "xs : List Nat\n⊢ ∃ ys, xs = ys ++ ys",
    ):
        assert list(solutions(read_goal(goal))) == []


def test_terms_of_a_goal_are_its_variables_and_functions_of_them() -> None:
    goal = read_goal("α β : Type\nf : α → β\nx y : α\nh : x = y\n⊢ ∃ z, f z = f x")
    assert list(terms(goal))[:4] == ["y", "x", "(f y)", "(f x)"]


VALUES = {"a": 2, "b": 3, "c": 5, "f a": 7}
OPERATIONS = {"+": operator.add, "-": operator.sub, "*": operator.mul}
VALUED = st.recursive(
    st.sampled_from(list(VALUES.items())) | st.integers(0, 9).map(lambda number: (str(number), number)),
    lambda inner: st.tuples(inner, st.sampled_from(list(OPERATIONS)), inner).map(
        lambda t: (f"({t[0][0]} {t[1]} {t[2][0]})", OPERATIONS[t[1]](t[0][1], t[2][1]))
    ),
    max_leaves=6,
)


@given(VALUED)
def test_a_polynomial_has_the_value_of_what_it_was_read_from(valued: tuple[str, int]) -> None:
    text, value = valued
    for form in (read_polynomial(text), read_polynomial(str(read_polynomial(text)))):
        assert form is not None
        products = (count * math.prod(VALUES[each] for each in monomial) for monomial, count in form.terms.items())
        assert sum(products) == value


@pytest.mark.parametrize("text", ["", "a +", "a / b", "(a", "a ^ b", "fun x => x", "a ++ b", "* a"])
def test_what_is_no_polynomial_is_not_read_as_one(text: str) -> None:
    assert read_polynomial(text) is None
