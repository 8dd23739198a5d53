"""A step with an error is cut to a hole that can be filled again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.search.tactics.scripts.cut import cut, errors
from prover.verdict import Message, Region

PROOF = """by
  intro n
  induction n with
  | zero => simp
  | succ n ih =>
    have h : n < 3 := by omega
    simp at ih
    omega
  all_goals simp"""
UNSOLVED = "unsolved goals\n⊢ p"


def error(line: int, column: int, text: str = "omega could not prove the goal") -> Message:
    return Message("error", text, line=line, column=column)


def without(*numbers: int, **instead: str) -> str:
    """The proof without some of its lines, with others in their place (`l4="…"`)."""
    lines = {number: line for number, line in enumerate(PROOF.split("\n"), start=1) if number not in numbers}
    lines |= {int(name[1:]): line for name, line in instead.items()}
    return "\n".join(lines[number] for number in sorted(lines))


@pytest.mark.parametrize(
    ("place", "left"),
    [
        (error(2, 2), "by\n  □"),
        (error(3, 2), "by\n  intro n\n  □"),
        (error(4, 12), without(l4="  | zero =>\n    □")),
        (error(6, 25), without(l6="    have h : n < 3 := by\n      □")),
        (error(6, 13), without(7, 8, l6="    □")),
        (error(7, 4), without(8, l7="    □")),
        (error(8, 4), without(l8="    □")),
        (error(9, 12), without(l9="  □")),
        (error(5, 17, UNSOLVED), without(l8="    omega\n    □")),
        (error(4, 9, UNSOLVED), without(l4="  | zero =>\n    simp\n    □")),
        (error(1, 0, UNSOLVED), PROOF + "\n  □"),
    ],
)
def test_the_rest_of_the_failing_block_becomes_a_hole(place: Message, left: str) -> None:
    assert cut(PROOF, place) == left


@pytest.mark.parametrize(
    ("proof", "place", "left"),
    [
        ("by simp", error(1, 3), "by\n  □"),
        ("by simp", error(1, 0, UNSOLVED), "by\n  simp\n  □"),
        ("by", error(1, 0, UNSOLVED), "by\n  □"),
        ("by\n  constructor\n  · simp\n    omega\n  · rfl", error(3, 4), "by\n  constructor\n  · □\n  · rfl"),
        ("by\n  constructor\n  · simp\n  · rfl", error(3, 2, UNSOLVED), "by\n  constructor\n  · simp\n    □\n  · rfl"),
        ("by\n  exact ⟨by omega, by simp⟩", error(2, 13), "by\n  □"),
        ("fun h => h", error(1, 9), None),
        ("by\n  simp", error(7, 0), None),
    ],
)
def test_bullets_brackets_and_proofs_on_one_line(proof: str, place: Message, left: str | None) -> None:
    assert cut(proof, place) == left


@given(st.text("by·|=>\n  (⟨⟩)simp; have :", max_size=80), st.integers(0, 9), st.integers(0, 20), st.booleans())
def test_any_text_and_place_leave_one_hole_or_nothing(text: str, line: int, column: int, unsolved: bool) -> None:
    left = cut("by\n" + text, error(line, column, UNSOLVED if unsolved else "failed"))
    assert left is None or left.count("□") == 1


def test_only_errors_in_the_candidate_count_and_the_first_comes_first() -> None:
    messages = [
        error(3, 1),
        Message("warning", "unused", line=1),
        Message("error", "elsewhere", Region.CONTEXT, 1, 0),
        error(2, 9),
        error(2, 4),
    ]
    assert [(each.line, each.column) for each in errors(messages)] == [(2, 4), (2, 9), (3, 1)]
