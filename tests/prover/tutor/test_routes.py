"""Proofs that continue a learner's text, and their visibility."""

import pytest

from prover.theorem import Theorem
from prover.tutor.proofs.moves import Outline
from prover.tutor.proofs.reading import Reading, _alternative
from prover.tutor.proofs.routes import CasesOfClients, _block, _continued

NOTHING = Outline("", (), (), ())


@pytest.mark.parametrize(
    ("proof", "block"),
    [
        ("by omega", "omega"),
        ("by\n  intro h\n  exact h", "intro h\nexact h"),
        ("by\n    intro h\n    cases h with\n    | inl a => simp", "intro h\ncases h with\n| inl a => simp"),
        ("by cases h with\n  | inl a => simp", "cases h with\n  | inl a => simp"),
        ("fun h => h", "exact fun h => h"),
        ("bye h", "exact bye h"),
    ],
)
def test_a_proof_becomes_a_tactic_block_at_the_margin(proof: str, block: str) -> None:
    assert _block(proof) == block


def test_each_goal_that_is_open_gets_a_bullet() -> None:
    reading = Reading(NOTHING, "by\n  constructor\n  ", "\n  done")
    assert _continued(reading, ["intro h\nexact h"]) == "by\n  constructor\n  intro h\n  exact h\n  done"
    two = "by\n  constructor\n  · intro h\n    exact h\n  · rfl\n  done"
    assert _continued(reading, ["intro h\nexact h", "rfl"]) == two


def test_a_client_does_not_know_what_another_one_asked_about() -> None:
    clients, theorem = CasesOfClients(), Theorem("theorem t : True")
    clients.of("one").put(theorem, (NOTHING,))
    assert clients.of("one").get(theorem) == (NOTHING,)
    assert clients.of("other").get(theorem) == ()
    for number in range(100):
        clients.of(f"client {number}")
    assert clients.of("one").get(theorem) == (), "only those that asked last are known"


def test_a_case_of_match_begins_without_the_names_that_lean_made_up() -> None:
    assert _alternative("i x✝ : Fin 3\n⊢ p") == "| _ =>"
    assert _alternative("case succ\nn✝ : Nat\na✝ : p\n⊢ p") == "| succ n ih =>"
