"""Facts read from a context in addition to its names."""

from prover.search.tactics.goals.known import known_of
from prover.source.context.declarations import scanned
from prover.theorem import Theorem

CONTEXT = """def Pred (α : Type) := α → Prop

def Both {α : Type} (s t : Pred α) : Pred α := fun x => s x ∧ t x

def onto {α : Type} : List α → List α → List α
  | [], ys => ys
  | x :: xs, ys => onto xs (x :: ys)

def turned {α : Type} (xs : List α) : List α := onto xs []

def len {α : Type} : List α → Nat
  | [] => 0
  | _ :: xs => len xs + 1
"""


def test_definitions_are_told_by_their_recursion() -> None:
    theorem = Theorem("theorem t : True", context=CONTEXT)
    known = known_of(theorem, scanned(theorem))
    assert known.plain == ("Both", "turned")  # a name for a type is none to be unfolded
    assert known.recursive == ("onto", "len")
    assert known.accumulating == ("onto",)


def test_definitions_behind_those_of_a_text_are_found() -> None:
    theorem = Theorem("theorem t : True", context=CONTEXT)
    known = known_of(theorem, scanned(theorem))
    assert known.definitions_in("turned xs = xs.reverse") == ["onto", "turned"]
    assert known.definitions_in("xs = ys") == []
