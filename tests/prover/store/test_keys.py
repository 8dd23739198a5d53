import pytest

from prover.candidate import Candidate
from prover.receipts.receipt import Toolchain
from prover.store.records.keys import candidate_key, failure_key, policy_key, proof_key
from prover.theorem import Header, Theorem
from prover.verdict import Mode, Policy

LEAN = Toolchain("4.15.0", "embedded")
THEOREM = Theorem("theorem swap.{u} (a b : Nat) : a + b = b + a", context="def one := 1\n\ntheorem x : 1 = 1 := rfl")


@pytest.mark.parametrize(
    "other",
    [
        Theorem("theorem other.{u} (a b : Nat) : a + b = b + a", context=THEOREM.context),
        Theorem("theorem swap.{u} (a b : Nat) :\n    a + b = /- swapped -/ b + a -- !", context=THEOREM.context),
        Theorem(THEOREM.statement, context="-- one\ndef  one := 1\ntheorem x : 1 = 1 := rfl\n"),
        Theorem(THEOREM.statement, Header(("Std", "Init")), THEOREM.context),
        Theorem("theorem Nat.swap.{u} (a b : Nat) : a + b = b + a", context=THEOREM.context),
        Theorem("theorem swap.{u} (a b:Nat) : a+b = b+a", context=THEOREM.context),
    ],
)
def test_proofs_of_a_theorem_are_found_under_its_other_spellings(other: Theorem) -> None:
    assert proof_key(other, LEAN) == proof_key(THEOREM, LEAN)


@pytest.mark.parametrize(
    "other",
    [
        Theorem("theorem swap.{u} (a b : Nat) : b + a = a + b", context=THEOREM.context),
        Theorem("theorem swap.{u} (c b : Nat) : c + b = b + c", context=THEOREM.context),
        Theorem("theorem swap (a b : Nat) : a + b = b + a", context=THEOREM.context),
        Theorem(THEOREM.statement, context="def one := 2\n\ntheorem x : 1 = 1 := rfl"),
        Theorem(THEOREM.statement, Header(("Init",)), THEOREM.context),
        Theorem(THEOREM.statement, Header(prelude=""), THEOREM.context),
        Theorem(THEOREM.statement, THEOREM.header, THEOREM.context, "mathlib"),
    ],
)
def test_other_theorems_have_other_keys(other: Theorem) -> None:
    assert proof_key(other, LEAN) != proof_key(THEOREM, LEAN)
    assert failure_key(other, LEAN) != failure_key(THEOREM, LEAN)


def test_failures_are_found_under_another_name_and_with_comments() -> None:
    other = Theorem("theorem other.{u}  (a b : Nat) : a + b = b + a -- !", context="-- one\n" + THEOREM.context)
    assert failure_key(other, LEAN) == failure_key(THEOREM, LEAN)


@pytest.mark.parametrize(
    "other",
    [
        Theorem("theorem Nat.swap.{u} (a b : Nat) : a + b = b + a", context=THEOREM.context),
        Theorem("theorem swap.{u} (a b : Nat) : a +b = b + a", context=THEOREM.context),
        Theorem("theorem swap.{u} (a b : Nat) :\na + b = b + a", context=THEOREM.context),
        Theorem(THEOREM.statement, Header(("Std", "Init")), THEOREM.context),
    ],
)
def test_failures_are_not_found_where_the_meaning_might_differ(other: Theorem) -> None:
    assert failure_key(other, LEAN) != failure_key(THEOREM, LEAN)


def test_the_version_of_lean_counts() -> None:
    assert proof_key(THEOREM, LEAN) != proof_key(THEOREM, Toolchain("4.16.0", "embedded"))
    assert failure_key(THEOREM, LEAN) != failure_key(THEOREM, Toolchain("4.15.0", "native"))


def test_any_text_has_keys() -> None:
    for text in ("", "theorem", "theorem «a", "/- ", "example : 1 = 1", "\ud800", "theorem a"):
        assert len(proof_key(Theorem(text), LEAN)) == len(failure_key(Theorem(text), LEAN)) == 64


def test_proofs_are_the_same_up_to_comments_and_files_are_not() -> None:
    assert candidate_key(Candidate("by simp"), THEOREM) == candidate_key(Candidate("by  simp -- !"), THEOREM)
    assert candidate_key(Candidate("by simp"), THEOREM) != candidate_key(Candidate("by simp", Mode.FILE), THEOREM)
    assert candidate_key(Candidate("by simp", Mode.FILE), THEOREM) != candidate_key(
        Candidate("by  simp", Mode.FILE), THEOREM
    )


def test_policies_are_the_same_if_they_allow_the_same() -> None:
    assert policy_key(Policy("a", ("x", "y"))) == policy_key(Policy("b", ("y", "x")))
    assert policy_key(Policy()) != policy_key(Policy(guard="Nat.add_comm"))
