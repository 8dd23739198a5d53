"""A failing proof in the words of a small model."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.sampling.diagnosis import Diagnosis, ErrorKind
from prover.sampling.prompt import CritiqueFormat, SourceFormat
from prover.theorem import Theorem
from prover.verdict import Message

THEOREM = Theorem("theorem t (n : Nat) : n + 0 = n")
FAILED = "by\n  omega\n  simp"


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("unsolved goals\nn : Nat\n⊢ n = 0", ErrorKind.GOALS),
        ("unexpected token ')'; expected command", ErrorKind.SYNTAX),
        ("unknown tactic", ErrorKind.SYNTAX),
        ("Unknown identifier `h₁`", ErrorKind.NAME),
        ("`simp` made no progress", ErrorKind.PROGRESS),
        ("Type mismatch\n  h\nhas type", ErrorKind.TYPE),
        ("Application type mismatch: The argument", ErrorKind.TYPE),
        ("Tactic `rewrite` failed: Did not find an occurrence of the pattern", ErrorKind.MATCH),
        ("Tactic `introN` failed: There are no additional binders", ErrorKind.FORM),
        ("Tactic `rcases` failed: `x✝ : ?m.27` is not an inductive datatype", ErrorKind.FORM),
        ("omega could not prove the goal:\na possible counterexample", ErrorKind.AUTOMATION),
        ("`grind` failed\ncase grind", ErrorKind.AUTOMATION),
        ("Tactic `simp` failed with a nested error:\nmaximum recursion depth has been reached", ErrorKind.LIMITS),
        ("something else", ErrorKind.OTHER),
    ],
)
def test_what_lean_says_has_a_kind(said: str, kind: ErrorKind) -> None:
    assert Diagnosis.of(Message("error", said, line=3)) == Diagnosis(3, kind)


@given(st.builds(Diagnosis, st.integers(1, 999_999), st.sampled_from(ErrorKind)))
def test_a_diagnosis_is_read_as_it_was_written(diagnosis: Diagnosis) -> None:
    assert Diagnosis.read(f" {diagnosis}") == diagnosis


@given(st.text())
def test_whatever_a_model_writes_is_a_diagnosis_or_none(text: str) -> None:
    found = Diagnosis.read(text)
    assert found is None or str(found) == text.strip() or int(text.strip().partition(":")[0]) == found.line


def test_the_format_has_places_for_the_failed_proof_its_diagnosis_and_a_repair() -> None:
    form = CritiqueFormat()
    assert form.render(THEOREM) == SourceFormat().render(THEOREM)
    asked = "example (n : Nat) : n + 0 = n := by\n  omega\n  simp\n-- error:"
    assert form.diagnosis(THEOREM, FAILED) == asked
    error = Message("error", "unsolved goals\nn : Nat\n⊢ n = 0", line=3)
    assert form.repair(THEOREM, FAILED, error) == f"{asked} 3: unsolved goals\n:="
    assert form.repair(THEOREM, FAILED, error) == form.repaired(THEOREM, FAILED, Diagnosis(3, ErrorKind.GOALS))
