"""Refutations, over a real channel with real Lean behind it."""

import pytest

from prover.assistance import fill
from prover.candidate import Candidate
from prover.events import Ending, Finished, NoteKind, Proof
from prover.options import Budget, SearchOptions
from prover.requests import Check, Search
from prover.theorem import Header, Theorem
from service.client.client import Client

pytestmark = pytest.mark.lean


async def searched(client: Client, theorem: Theorem, seconds: float = 20.0) -> tuple[list[Proof], Finished]:
    options = SearchOptions(Budget(24, seconds=seconds), disprove=True)
    return await fill.search(client, Search(theorem, options), lambda _: None)


# Only a quarantine elaborates it, and prints types by it.
SYNTAX = 'notation "ℕ" => Nat\ninfixl:65 " ⊞ " => fun (a b : Nat) => a + b'
TYPES = """
inductive Colour where
  | red | green | blue
def Colour.next : Colour → Colour
  | .red => .green
  | .green => .blue
  | .blue => .red
structure Point where
  x : Nat
  y : Int
  deriving DecidableEq
inductive Tree (α : Type) where
  | leaf
  | node (left : Tree α) (value : α) (right : Tree α)
def Tree.flip {α : Type} : Tree α → Tree α
  | .leaf => .leaf
  | .node left value right => .node right.flip value left.flip
"""
UNIVERSES = "universe u v\nvariable {α : Type u} (h : 1 = 2) (β : Type v)"


@pytest.mark.parametrize(
    ("statement", "context", "values"),
    [
        ("theorem t (n : Nat) : n < 5", "", {"n": "5"}),
        ("theorem t (n : Nat) : n < 70", "", {"n": "70"}),
        ("theorem t (n : Nat := 3) : n = 3", "", {"n": "0"}),
        (
            "theorem t (n : Nat) : n < 5",
            "theorem t_refuted : ¬ ∀ n, n < 5 := fun h => absurd (h 5) (by decide)",
            {"n": "5"},
        ),
        ("theorem N.t (a b : Int) (h : a < b) : a * a < b * b", "", {"a": "(-1)", "b": "0"}),
        ("theorem t.{u} {α : Type u} (p q : Prop) (h : p → q) : q → p", "", {"α": "PUnit", "p": "False", "q": "True"}),
        ("theorem t (x y : α) : x = y", UNIVERSES, {"α": "(ULift Bool)", "x": "⟨false⟩", "y": "⟨true⟩"}),
        (
            "theorem t (α : Type) [DecidableEq α] (a b : α) : (if a = b then 1 else 0) = 0",
            "",
            {"α": "Bool", "a": "false", "b": "false"},
        ),
        ("theorem t (n : Nat) : two * n = n", "def two := 2", {"n": "1"}),
        ("theorem t : n < 5", "variable (n : Nat)", {"n": "5"}),
        ("theorem t (n : ℕ) : n < 5", SYNTAX, {"n": "5"}),
        ("theorem t (h : n < m) : n < 5", "set_option autoImplicit true", {"n": "5", "m": "6"}),
        ("theorem t : ∃ n : Nat, n < n", "", None),
        ("theorem t (s u : String) : s ++ u = u ++ s", "", {"s": '"a"', "u": '"b"'}),
        ("theorem t (c : Char) (h : c.isDigit = true) : c = 'a'", "", {"c": "'0'"}),
        ("theorem t (n : Nat) (i j : Fin (n + 1)) : i = j", "", {"n": "1", "i": "0", "j": "1"}),
        ("theorem t (u : UInt8) : u < u + 1", "", {"u": "(-1)"}),
        ("theorem t (c : Colour) : c.next.next = c", TYPES, {"c": "Colour.red"}),
        ("theorem t (p q : Point) (h : p.x = q.x) : p = q", TYPES, {"p": "(Point.mk 0 0)", "q": "(Point.mk 0 1)"}),
        (
            "theorem t (a : Tree Nat) : a.flip = a",
            TYPES,
            {"a": "(Tree.node Tree.leaf 0 (Tree.node Tree.leaf 0 Tree.leaf))"},
        ),
        ("theorem t (α : Type) (o : List (Option α) × Nat) : o.1 = []", "", {"α": "Bool", "o": "([none], 0)"}),
        ("theorem t (x : {n : Nat // n > 2}) : x.val = 3", "", {"x": "(Subtype.mk 5 _)"}),
        ("theorem t (p : Pair) : p.1 = p.2", "abbrev Pair := Nat × Nat", {"p": "(0, 1)"}),
    ],
)
async def test_what_is_false_is_refuted_with_a_verified_proof_of_its_negation(
    lean_client: Client, statement: str, context: str, values: dict[str, str] | None
) -> None:
    theorem = Theorem(statement, context=context)
    proofs, finished = await searched(lean_client, theorem)
    assert not proofs
    assert finished.ending is Ending.REFUTED
    found = finished.refutation
    assert found is not None
    assert found.proof.verdict.verified
    assert "¬" in found.statement
    if values is not None:
        assert dict(found.counterexample) == values
    again = Check(Theorem(found.statement, context=context), Candidate(found.proof.candidate.text))
    assert (await lean_client.check(again)).verified


async def test_a_header_may_declare_what_the_statement_is_about(lean_client: Client) -> None:
    header = Header.parse("open Nat")
    _, finished = await searched(lean_client, Theorem("theorem t (n : Nat) : succ n = n", header))
    assert finished.refutation is not None


async def test_what_is_true_is_proved_and_not_refuted(lean_client: Client) -> None:
    proofs, finished = await searched(lean_client, Theorem("theorem t (a b : Nat) : a + b = b + a"))
    assert proofs
    assert finished.refutation is None


async def test_what_only_quarantine_elaborates_is_refuted_there(lean_client: Client) -> None:
    context = 'macro "five" : term => `(5)\n#eval 1 + 1'
    _, finished = await searched(lean_client, Theorem("theorem t (n : Nat) : n < five", context=context))
    assert finished.refutation is not None
    assert finished.refutation.proof.verdict.path.value == "quarantine"


async def test_a_statement_without_a_written_negation_is_searched_and_the_note_says_so(lean_client: Client) -> None:
    """Its negation would stand under the name of a definition that a macro of the context makes."""
    name = 'Lean.mkIdent (.mkSimple ("t_" ++ "refuted"))'
    context = f'macro "taken" : command => do\n  let name := {name}\n  `(def $name := 5)\ntaken'
    proofs, finished = await searched(lean_client, Theorem("theorem t (n : Nat) : n < 5", context=context), 5.0)
    assert not proofs
    assert [note.kind for note in finished.notes] == [NoteKind.NOT_NEGATED]
    assert "state the negation yourself" in finished.notes[0].text
