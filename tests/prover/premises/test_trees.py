"""Shapes as trees, and occurrences of patterns in them, compared with a recursive definition."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.premises import patterns, trees
from prover.premises.index import Declaration, Index, Module
from prover.premises.trees import Vocabulary

SYMBOLS = ("Eq", "HAdd.hAdd", "Nat", "f")


@dataclass(frozen=True)
class Term:
    """A term of the tests: a key, and its parts."""

    key: str
    parts: tuple["Term", ...] = ()

    @property
    def keys(self) -> list[str]:
        return [f"{self.key} {len(self.parts)}", *(key for part in self.parts for key in part.keys)]


def below(parts: st.SearchStrategy[Term]) -> st.SearchStrategy[Term]:
    return st.builds(Term, st.sampled_from(SYMBOLS), st.lists(parts, min_size=1, max_size=3).map(tuple))


LEAVES = st.builds(Term, st.sampled_from([*SYMBOLS, "·s", "·_"]))
TERMS = st.recursive(LEAVES, below, max_leaves=8)
PATTERNS = st.recursive(st.builds(Term, st.sampled_from([*SYMBOLS, "·?0", "·?1", "·_"])), below, max_leaves=5).filter(
    lambda term: not patterns.is_hole(term.keys[0])
)


def fits(pattern: Term, term: Term, holes: dict[str, Term]) -> bool:
    if pattern.key == "·_":
        return True
    if pattern.key.startswith("·?"):
        return holes.setdefault(pattern.key, term) == term
    same = pattern.key == term.key and len(pattern.parts) == len(term.parts)
    return same and all(fits(one, other, holes) for one, other in zip(pattern.parts, term.parts, strict=True))


def all_parts(term: Term) -> list[Term]:
    return [term, *(below for part in term.parts for below in all_parts(part))]


def index_of(*terms: list[str]) -> Index:
    vocabulary = Vocabulary()
    read = trees.read([[vocabulary.number(key) for key in keys] for keys in terms], vocabulary)
    declarations = tuple(Declaration(f"t{number}", "theorem", False) for number in range(len(terms)))
    return Index(vocabulary, (Module("M", "1", declarations, read),))


@given(st.lists(TERMS, min_size=1, max_size=4), PATTERNS)
def test_a_pattern_occurs_where_it_fits(terms: list[Term], pattern: Term) -> None:
    index = index_of(*(term.keys for term in terms))
    every = [part for term in terms for part in all_parts(term)]
    expected = [number for number, part in enumerate(every) if fits(pattern, part, {})]
    found = patterns.occurrences(pattern.keys, index.trees, index.depths, index.vocabulary)
    assert found.tolist() == expected


@given(st.lists(TERMS, min_size=1, max_size=4))
def test_sizes_and_hashes_are_those_of_the_parts(terms: list[Term]) -> None:
    whole = index_of(*(term.keys for term in terms)).trees
    every = [part for term in terms for part in all_parts(term)]
    assert whole.sizes.tolist() == [len(part.keys) for part in every]
    for one, hash_of_one in zip(every, whole.hashes.tolist(), strict=True):
        assert {
            tuple(other.keys)
            for other, other_hash in zip(every, whole.hashes.tolist(), strict=True)
            if other_hash == hash_of_one
        } == {tuple(one.keys)}
    assert np.array_equal(whole.starts, np.cumsum([0, *(len(term.keys) for term in terms)]))


def test_variables_of_a_pattern_are_those_bound_within_it() -> None:
    identity = "p.2 0.0 1.1 l.2 0.0 b1.0"  # ∀ _ : Nat, f (fun x => x)
    other = "p.2 0.0 1.1 l.2 0.0 b0.0"  # ∀ y : Nat, f (fun x => y)
    index = index_of(*(trees.nodes(shape, ("Nat", "f")) for shape in (identity, other)))
    pattern = trees.nodes("l.2 ?0.0 b0.0", ())
    found = patterns.occurrences(pattern, index.trees, index.depths, index.vocabulary)
    assert found.tolist() == [3]


def test_conclusions_stand_behind_all_arguments() -> None:
    index = index_of(trees.nodes("p.2 0.0 q.2 1.1 0.0 1.1 b0.0", ("Nat", "f")), trees.nodes("0.0", ("Nat",)), [])
    assert index.conclusions.tolist() == [5, 7, 8]


@pytest.mark.parametrize("shape", ["0.2 0.0", "0.0 0.0", "3.0", "x"])
def test_what_is_no_shape_is_refused(shape: str) -> None:
    vocabulary = Vocabulary()
    with pytest.raises((ValueError, IndexError)):
        trees.read([[vocabulary.number(key) for key in trees.nodes(shape, ("Nat",))]], vocabulary)
