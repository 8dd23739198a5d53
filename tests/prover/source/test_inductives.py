"""Constructors of a context's inductive types."""

from hypothesis import given
from hypothesis import strategies as st

from prover.source.context.inductives import Constructor, Field, read_inductives

CONTEXT = """\
namespace Shapes

inductive Tree (α : Type) where
  | leaf : Tree α
  | node (left : Tree α) (value : α) (right : Tree α) : Tree α  -- | no : Constructor
  deriving Repr

inductive Even : Nat → Prop where
  | zero : Even 0
  | step (n : Nat) : Even n → Even (n + 2)

inductive Colour where
  | red | green
  | blue

def f : Nat → Nat
  | 0 => 1
  | n + 1 => n
"""


def test_fields_are_named_and_told_apart_from_what_is_of_the_type_itself() -> None:
    assert read_inductives(CONTEXT) == {
        "Tree": (
            Constructor("leaf", ()),
            Constructor("node", (Field("left", True), Field("value", False), Field("right", True))),
        ),
        "Even": (Constructor("zero", ()), Constructor("step", (Field("n", False), Field("", True)))),
        "Colour": (Constructor("red", ()), Constructor("green", ()), Constructor("blue", ())),
    }


@given(st.text(alphabet="inductive |:→()\n", max_size=80))
def test_any_text_can_be_read(text: str) -> None:
    read_inductives(text)
