"""A theorem's header is elaborated once. A candidate's messages are those of Lean about the whole theorem."""

from typing import Any

import pytest

from tests.prover.lean.conformance.wire import Wire

pytestmark = pytest.mark.lean

STATEMENT = "theorem shifted (a b c : Nat) (h : a ≤ b) : a + c ≤ b + c"
PROOFS = {
    "verified": "by omega",
    "two errors": "by\n  have x : a = a := missing\n  have y : c = c := absent\n  omega",
    "goals left": "by\n  have : a ≤ b ∧ c = c := by\n    constructor\n    · exact missing\n  omega",
    "nested blocks": "by\n  have : a = a := by\n    have : b = b := by\n      trace \"inner\"\n      simp only\n    trace \"outer\"\n"
    "    rfl\n  trace \"last\"\n  omega",
    "alternatives": "by\n  first\n  | exact missing\n  | trace \"second\"\n    omega",
    "a term": "Nat.add_le_add_right missing c",
    "sorry": "by\n  have : a = a := by sorry\n  exact Nat.add_le_add_right h c",
}  # fmt: skip


def told(answer: dict[str, Any], lines: int) -> list[tuple[str, int, int, str]]:
    """What was said, by the line of the theorem; the candidate is `lines` further down."""
    return [(one["severity"], one["line"] + lines, one["column"], one["text"]) for one in answer["messages"]]


@pytest.mark.parametrize("case", PROOFS)
def test_candidate_is_told_what_the_whole_theorem_is_told(wire: Wire, case: str) -> None:
    candidate = wire.about("check", STATEMENT, proof=PROOFS[case])
    whole = wire.about("check", STATEMENT, file=f"{STATEMENT}\n:=\n{PROOFS[case]}")
    assert candidate["verdict"] == whole["verdict"]
    said = ("uses `sorry`", "the proof uses sorry", "declaration uses")  # said of the name, which is the statement's
    mine, theirs = (
        [one for one in those if not any(s in one[3] for s in said)] for those in (told(candidate, 2), told(whole, 0))
    )
    assert mine == theirs
    assert (candidate["term"], candidate["constants"]) == (whole["term"], whole["constants"])


def test_header_that_is_not_taken_over_cancels_nothing(wire: Wire) -> None:
    # the option is lowered for candidates, so that their header is another than the reference's
    statement = "theorem lowered : (set_option maxRecDepth 20000 in 1 + 1 = 2)"
    assert [wire.about("check", statement, proof=proof)["verdict"] for proof in ("rfl", "by decide", "by rfl")] == [
        "verified"
    ] * 3
