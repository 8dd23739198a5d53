"""Scripts laid out by Mathlib's style guide."""

from prover.search.tactics.moves.steps import flatten
from prover.search.tactics.scripts.layout import Move, laid_out


def move(step: str, goals: int) -> Move:
    return Move(flatten(step) or step, step, goals)


def test_each_goal_of_several_has_a_block_of_its_own() -> None:
    moves = [
        move("constructor\n· □\n· □", 2),
        move("intro h\n□", 1),
        move("obtain ⟨k, rfl⟩ := h\n□", 1),
        move("omega", 0),
        move("apply f", 2),  # nobody knew how many goals that leaves
        move("exact a", 0),
        move("exact b", 0),
    ]
    assert laid_out(moves) == ("constructor\n· rintro ⟨k, rfl⟩\n  omega\n· apply f\n  · exact a\n  · exact b")


def test_the_proof_of_a_case_stands_in_its_alternative() -> None:
    moves = [
        move("induction n with\n| zero =>\n  □\n| succ n ih =>\n  □", 2),
        move("rfl", 0),
        move("simp [f]\n□", 1),
        move("exact ih", 0),
    ]
    expected = "induction n with\n| zero =>\n  rfl\n| succ n ih =>\n  simp [f]\n  exact ih"
    assert laid_out(moves) == expected


def test_a_script_that_is_not_complete_is_written_as_far_as_it_goes() -> None:
    assert laid_out([move("constructor\n· □\n· □", 2), move("rfl", 0)]) == "constructor\nrfl"
