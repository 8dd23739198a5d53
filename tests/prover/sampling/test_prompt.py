from hypothesis import given
from hypothesis import strategies as st

from prover.sampling.prompt import PremisesFormat, SourceFormat
from prover.theorem import Header, Theorem

source = SourceFormat()


def test_prompt_is_lean_source_up_to_the_proof() -> None:
    assert source.render(Theorem("theorem t : True")) == "example : True :="


def test_prompt_does_not_show_the_name() -> None:
    names = ["t", "Nat.add_zero'", "«a (b»", "Std.«x y».z", "t.{u}"]
    prompts = {source.render(Theorem(f"theorem {name} {{a b : Nat}} : a = b")) for name in names}
    assert prompts == {"example {a b : Nat} : a = b :="}


def test_only_an_unusual_header_is_shown() -> None:
    theorem = Theorem("theorem t : p", header=Header.parse("import Init\nopen Nat"), context="def p := True\n")
    assert source.render(theorem) == "import Init\nopen Nat\n\ndef p := True\n\nexample : p :="


@given(st.text())
def test_extract_undoes_answer(proof: str) -> None:
    assert source.extract(source.answer(proof)) == proof.strip()


def test_no_stop_text_can_occur_in_an_indented_proof() -> None:
    proof = source.answer("by\n  open Nat in\n  simp\n  /- end -/\n  exact h\ntermination_by n")
    assert not [stop for stop in source.stop if stop in proof]


def test_a_continuation_is_the_beginning_of_an_answer() -> None:
    prefix = "by\n  intro x"
    beginning = source.continuation(Theorem("theorem t : p"), prefix)
    assert source.answer(prefix + "\n  simp") == beginning + "\n  simp"


def test_suggested_theorems_stand_before_the_statement() -> None:
    names = tuple(f"Nat.lemma{number}" for number in range(12))
    theorem = Theorem("theorem t (n : Nat) : n = n", context="def p := True", suggested=names)
    shown = PremisesFormat().render(theorem)
    assert shown == f"-- {', '.join(names[:8])}\n{source.render(theorem)}"
    assert PremisesFormat().render(Theorem("theorem t : True")) == source.render(Theorem("theorem t : True"))
    assert "lemma" not in source.render(theorem)


def test_what_is_suggested_is_no_part_of_a_theorem() -> None:
    plain, informed = Theorem("theorem t : True"), Theorem("theorem t : True", suggested=("True.intro",))
    assert plain == informed
    assert plain.digest == informed.digest
