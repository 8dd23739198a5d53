"""Lessons from failures and repairs."""

import pytest

from prover.sampling.diagnosis import Diagnosis, ErrorKind
from training.corpus.proofs import ProvedTheorem
from training.corpus.record import TheoremRecord
from training.critique.answers import CritiqueAnswer, CritiqueAnswers
from training.critique.lessons import accuracy, lessons, pairs

RECORD = TheoremRecord(name="t", statement="theorem t (n : Nat) : n + 0 = n")
PROMPT = "example (n : Nat) : n + 0 = n :="
FAILED = CritiqueAnswer(text="by\n  omega\n  simp", count=3, diagnosis="3: unsolved goals")
HELD = CritiqueAnswer(text="by\n  omega", count=1, verified=True)


def answers(*found: CritiqueAnswer, about: str = "") -> CritiqueAnswers:
    return CritiqueAnswers(key=about or "k", name="t", about=about, answers=found)


def test_a_failure_teaches_its_diagnosis_and_the_nearest_proof_that_holds() -> None:
    known = ProvedTheorem(theorem=RECORD, proofs=("Nat.add_zero n", "by\n  induction n <;> simp_all"))
    diagnosed, mended = lessons([known], [answers(FAILED, HELD)], failures=4)
    assert diagnosed.prompt == f"{PROMPT} by\n  omega\n  simp\n-- error:"
    assert diagnosed.response == " 3: unsolved goals"
    assert mended.prompt == f"{PROMPT} by\n  omega\n  simp\n-- error: 3: unsolved goals\n:="
    assert mended.response == " by\n  omega"


def test_what_was_cut_off_or_not_allowed_teaches_nothing() -> None:
    known = ProvedTheorem(theorem=RECORD, proofs=("by simp",))
    assert list(lessons([known], [answers(CritiqueAnswer(text="by sorry_like", count=2), HELD)], failures=4)) == []


def test_pairs_prefer_refinements_that_hold_and_shorter_proofs() -> None:
    long = CritiqueAnswer(
        text="by\n  induction n with\n  | zero => rfl\n  | succ n ih => simp_all", count=1, verified=True
    )
    worse = CritiqueAnswer(text="by\n  nope", count=1, diagnosis="2: syntax")
    refined = answers(HELD, worse, about=FAILED.text)
    found = {pair.why: pair for pair in pairs({"t": RECORD}, [answers(FAILED, long)], [refined])}
    assert set(found) == {"refined", "mended", "shorter"}
    assert (found["refined"].prompt, found["refined"].rejected) == (PROMPT, " by\n  omega\n  simp")
    assert found["mended"].prompt.endswith("-- error: 3: unsolved goals\n:=")
    assert (found["mended"].preferred, found["mended"].rejected) == (" by\n  omega", " by\n  nope")
    assert (found["shorter"].preferred, found["shorter"].rejected) == (" by\n  omega", f" {long.text}")


def test_a_failure_that_no_refinement_mends_makes_no_pair() -> None:
    assert pairs({"t": RECORD}, [answers(FAILED)], [answers(FAILED, about=FAILED.text)]) == []


def test_diagnoses_are_scored_by_line_and_kind() -> None:
    truth = {("t", "a"): Diagnosis(3, ErrorKind.GOALS), ("t", "b"): Diagnosis(2, ErrorKind.SYNTAX)}
    said = [
        answers(CritiqueAnswer(text="3: unsolved goals", count=1), about="a"),
        answers(CritiqueAnswer(text="2: no match", count=1), about="b"),
    ]
    found = accuracy(said, truth)
    assert found == {"diagnoses": 2, "line": 1.0, "kind": 0.5, "both": 0.5}
    assert accuracy([answers(CritiqueAnswer(text="who knows", count=1), about="a")], truth)["line"] == 0
    assert accuracy([], truth)["both"] == pytest.approx(0)
