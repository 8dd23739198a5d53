import pytest

from training.conjectures.sources.typing import type_of

TYPES = {"n": "Nat", "i": "Int", "b": "Bool", "l": "List Nat", "o": "Option Nat", "f": "Nat → List Nat"}


@pytest.mark.parametrize(
    ("term", "type_"),
    [
        ("n", "Nat"),
        ("(n + 1) * 2", "Nat"),
        ("3 * i ^ n", "Int"),
        ("-i", "Int"),
        ("b && !b", "Bool"),
        ("l ++ [n]", "List Nat"),
        ("n :: l", "List Nat"),
        ("(l ++ l).length", "Nat"),
        ("List.take n l.reverse", "List Nat"),
        ("l.head?", "Option Nat"),
        ("o.isSome", "Bool"),
        ("some n", "Option Nat"),
        ("f n", "List Nat"),
        ("f", "Nat → List Nat"),
        ("Nat.gcd n 4", "Nat"),
        ("Int.natAbs i", "Nat"),
        ("i.tmod 3", "Int"),
        ("if b = true then n else 0", ""),
        ("List.foldl g 0 l", ""),
        ("2 + 3", ""),
        ("", ""),
    ],
)
def test_the_type_of_a_term_is_told_from_its_text(term: str, type_: str) -> None:
    assert type_of(term, TYPES) == type_
