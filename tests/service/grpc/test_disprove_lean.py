"""Refutations, over a real channel with real Lean behind it."""

import pytest

from prover.assistance.disprove import disprove, negation
from prover.errors import InputError
from prover.options import Budget, SearchOptions
from prover.requests import Search, StatementError
from prover.theorem import Theorem
from service.client.client import Client


def refuting(statement: str, context: str = "", seconds: float = 20.0) -> Search:
    return Search(Theorem(statement, context=context), SearchOptions(Budget(24, seconds=seconds)))


@pytest.mark.lean
@pytest.mark.parametrize(
    ("statement", "context", "values"),
    [
        ("theorem t (n : Nat) : n < 5", "", {"n": "5"}),
        ("theorem N.t (a b : Int) (h : a < b) : a * a < b * b", "", {"a": "(-1)", "b": "0"}),
        ("theorem t.{u} {α : Type u} (p q : Prop) (h : p → q) : q → p", "", {"α": "PUnit", "p": "False", "q": "True"}),
        ("theorem t (n : Nat) : two * n = n", "def two := 2", {"n": "1"}),
        ("theorem t : ∃ n : Nat, n < n", "", None),
    ],
)
async def test_what_is_false_is_refuted_with_a_verified_proof_of_its_negation(
    lean_client: Client, statement: str, context: str, values: dict[str, str] | None
) -> None:
    found = await disprove(lean_client, refuting(statement, context))
    assert found is not None
    assert found.verdict.verified
    assert "¬" in found.negation.statement
    if values is not None:
        assert dict(found.counterexample) == values


@pytest.mark.lean
async def test_what_is_true_is_not_refuted(lean_client: Client) -> None:
    assert await disprove(lean_client, refuting("theorem t (a b : Nat) : a + b = b + a", seconds=4.0)) is None


@pytest.mark.lean
async def test_a_name_that_nothing_declares_is_not_bound_outside_of_the_negation(lean_client: Client) -> None:
    """Else `n < 5` would be refuted for every `n`, or not at all, whatever was meant."""
    context = "set_option autoImplicit true"
    with pytest.raises(StatementError, match="nknown identifier"):
        await disprove(lean_client, refuting("theorem t (h : n < m) : n < 5", context))


@pytest.mark.parametrize(
    ("statement", "context", "said"),
    [
        ("theorem t : n < 5", "variable (n : Nat)", "write its binders out"),
        ("def t := 5", "", "expected `theorem"),
        ("theorem t", "", "expected `theorem"),
    ],
)
def test_what_cannot_be_negated_is_told_in_a_sentence(statement: str, context: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        negation(Theorem(statement, context=context))


def test_the_word_variable_in_a_remark_is_no_variable() -> None:
    assert negation(Theorem("theorem t : 1 = 2", context="-- no variable here")).statement.endswith("¬ (1 = 2)")
