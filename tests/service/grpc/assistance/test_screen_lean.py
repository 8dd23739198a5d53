"""Notes on statements, over a real channel with real Lean."""

import pytest

from prover.assistance import fill
from prover.events import NoteKind
from prover.options import Budget, SearchOptions
from prover.requests import Search
from prover.theorem import Theorem
from service.client.client import Client

pytestmark = pytest.mark.lean

ODD: dict[str, tuple[NoteKind, tuple[str, ...]]] = {
    "theorem t (n : Nat) (h : n < 3) (k : n > 5) : n = 7": (NoteKind.CONTRADICTORY, ("h", "k")),
    "theorem t (n : Nat) : n < 0 → n = 7": (NoteKind.CONTRADICTORY, ()),
    "theorem t (e : Empty) (n : Nat) : n = 7": (NoteKind.CONTRADICTORY, ("e",)),
    "theorem t (n m : Nat) (hm : m > 3) : n + 0 = n": (NoteKind.UNUSED, ("m", "hm")),
    "theorem t (p q : Prop) (h : p) : q → p": (NoteKind.TRIVIAL, ()),
    "theorem t (n : Nat) : n * 2 + 1 = n * 2 + 1": (NoteKind.TRIVIAL, ()),
}

PLAIN = (
    "theorem t (n : Nat) : n + 0 = n",
    "theorem t (p : Prop) (h : p ∧ ¬p) : False",
    "theorem t {α : Type} [DecidableEq α] (x : α) : Nonempty α",
    "theorem t (a b c : Nat) (h : a < b) (k : b < c) : a < c",
    "theorem t : 2 + 2 = 4",
)


@pytest.mark.parametrize("statement", [*ODD, *PLAIN])
async def test_an_odd_statement_is_noted_and_no_other(lean_client: Client, statement: str) -> None:
    search = Search(Theorem(statement), SearchOptions(Budget(24, seconds=20.0), as_found=True))
    _, finished = await fill.search(lean_client, search, lambda _: None)
    expected = [ODD[statement]] if statement in ODD else []
    found = [(note.kind, note.names) for note in finished.notes]
    assert found[:1] == expected
    assert all(note.text and "\n" not in note.text for note in finished.notes)


async def test_what_a_candidate_declares_has_no_part_in_the_notes(lean_client: Client) -> None:
    """They are those of the statement when no candidate was there: with no samples at all they are the same."""
    statement = "theorem t (n m : Nat) (hm : m > 3) : n * n = n"
    told = []
    for samples in (1, 24):
        search = Search(Theorem(statement), SearchOptions(Budget(samples, seconds=2.5)))
        told.append((await fill.search(lean_client, search, lambda _: None))[1].notes)
    assert told[0] == told[1] != ()
