from random import Random

import pytest

from prover.sampling.plans.statement import Statement
from prover.theorem import Theorem
from training.conjectures.mutations import KnownTheorem, in_front
from training.conjectures.sources.composition import conjoin
from training.conjectures.sources.mutated import ALL_MUTATIONS


def known(statement: str, *proofs: str) -> KnownTheorem:
    read = Statement.read(Theorem(statement))
    assert read is not None
    return KnownTheorem(read, proofs)


SQUARES = known("theorem t (a b : Int) (h : 2 < a) : a ^ 2 + b ^ 2 = b ^ 2 + a ^ 2", "by\n  grind", "by\n  omega")
OTHER = known("theorem t (a n : Nat) (h : a = 3) : a + n = n + 3", "by\n  omega", "by\n  subst h\n  omega")
INTEGERS = known("theorem t (a n : Int) (h : a = 3) : a + n = n + 3", "by\n  omega")


@pytest.mark.parametrize("name", list(ALL_MUTATIONS))
def test_a_mutation_gives_a_statement_that_can_be_read_again(name: str) -> None:
    made = 0
    for seed in range(40):
        conjecture = ALL_MUTATIONS[name](SQUARES, (OTHER, INTEGERS)[seed % 2], Random(seed))
        if conjecture is None:
            continue
        made += 1
        text = conjecture.statement.text("t")
        assert text != SQUARES.statement.text("t")
        assert conjecture.proofs
        assert Statement.read(Theorem(text)) is not None
    assert made


def test_two_theorems_in_one_keep_their_names_apart_and_their_proofs_in_place() -> None:
    joined = conjoin(SQUARES, OTHER, Random(0))
    assert joined is not None
    names = [name for name, _ in (*joined.statement.variables, *joined.statement.hypotheses)]
    assert len(set(names)) == len(names) == 6
    both = conjoin(OTHER, OTHER, Random(1))
    assert both is not None
    assert "by\n  constructor\n  · subst h\n    omega\n  · subst h₂\n    omega" in both.proofs


def test_a_proof_loses_the_introductions_of_what_moves_in_front() -> None:
    behind = known("theorem t : ∀ n : Nat, 2 < n → n ≠ 0", "by\n  intro n g2\n  omega", "by\n  grind", "fun n h => h")
    assert in_front(behind).proofs == ("by\n  omega", "by\n  grind")


def test_a_proof_that_uses_a_dropped_hypothesis_is_not_proposed() -> None:
    dropped = ALL_MUTATIONS["generalise"](OTHER, OTHER, Random(0))
    assert dropped is not None
    assert dropped.proofs == ("by\n  omega",)


def test_a_numeral_is_changed_in_the_proof_as_well() -> None:
    source = known("theorem t (n : Nat) (h : n < 7) : n ≤ 7", "by\n  have b : n < 7 := h\n  omega")
    for seed in range(20):
        changed = ALL_MUTATIONS["other_numeral"](source, OTHER, Random(seed))
        if changed is not None and "7" not in changed.statement.text("t"):
            assert any("7" not in proof for proof in changed.proofs)
            return
    raise AssertionError("no numeral was changed everywhere")
