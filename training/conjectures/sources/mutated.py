"""Conjectures by mutation of known theorems."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from prover.sampling.plans.statement import Statement
from prover.search.tactics.goals.propositions import outermost
from prover.source.lexer import tokenize
from training.conjectures.mutations import MUTATIONS, Conjecture, KnownTheorem, Mutation, in_front
from training.conjectures.sources.composition import PAIRS
from training.conjectures.sources.contexts import under_function
from training.conjectures.sources.proposal import ProposedTheorem, record_of
from training.conjectures.sources.values import VALUES
from training.corpus.proofs import ProvedTheorem

ALL_MUTATIONS: Mapping[str, Mutation] = {**MUTATIONS, **VALUES, **PAIRS, "under_function": under_function}
_PATIENCE = 200
_TWICE = 0.3
"""Share of conjectures that a second mutation changes."""
_OPERATIONS = {"division": "%∣/", "powers": "^", "products": "*", "choices": "∨∃", "logic": "¬→↔"}
"""Operations that decide which tactics can work, with their signs."""
_INSTANCES = frozenset({"specialise", "instantiate", "add_hypothesis"})
"""Mutations that turn a library theorem into an instance of it."""


@dataclass(frozen=True, slots=True)
class NamedTheorem:
    """A known theorem with its name; `lemma` is its name in the library, if it is there."""

    name: str
    known: KnownTheorem
    lemma: str = ""


def readable(proved: Sequence[ProvedTheorem]) -> list[NamedTheorem]:
    """Return proved theorems whose statements can be parsed and that are not in the library."""
    found = []
    for each in proved:
        if (statement := Statement.read(each.theorem.theorem)) is not None and not each.theorem.guard:
            moved = in_front(KnownTheorem(statement, each.proofs))
            if moved.proofs:
                found.append(NamedTheorem(each.theorem.name, moved))
    return found


class Mutated:
    """Applies one or two mutations to a theorem; each first mutation is an arm."""

    def __init__(self, theorems: Sequence[NamedTheorem], place: str = "changed") -> None:
        """Use these theorems, and `place` in the names of the arms; raises ValueError if there are none."""
        if not theorems:
            raise ValueError("There is no proved theorem whose statement could be changed.")
        self._theorems = theorems
        self._arms = {f"{place}: {name}": name for name in ALL_MUTATIONS}
        # Computations without variables offer few mutations: they get one draw in ten.
        self._general = [each for each in theorems if each.known.statement.variables] or theorems

    @property
    def arms(self) -> Sequence[str]:
        """See `Source`."""
        return list(self._arms)

    def propose(self, arm: str, random: Random) -> ProposedTheorem | None:
        """See `Source`; tries another theorem if the mutation does not apply."""
        for _ in range(_PATIENCE):
            first, second = self._choose(random), self._choose(random)
            conjecture = _changed(
                self._arms[arm], Conjecture(first.known.statement, first.known.proofs), second, random
            )
            if conjecture is None:
                continue
            names: tuple[str, ...] = (self._arms[arm],)
            if random.random() < _TWICE or (first.lemma and names[0] in _INSTANCES):
                for name in _order(random):
                    if (further := _changed(name, conjecture, second, random)) is not None and name not in names:
                        names, conjecture = (*names, name), further
                        break
            if not (first.lemma and set(names) <= _INSTANCES):
                return self._proposal(first, second, arm, names, conjecture)
        return None

    def _proposal(
        self, first: NamedTheorem, second: NamedTheorem, arm: str, names: tuple[str, ...], made: Conjecture
    ) -> ProposedTheorem:
        together = set(PAIRS) & set(names)
        lemmas = [each.lemma for each in ((first, second) if together else (first,)) if each.lemma]
        place = "library" if first.lemma else "conjectures"
        return ProposedTheorem(
            record_of(made.statement, first.name, names, f"{place}/{first.name}"),
            names,
            arm,
            f"changed/{sort(made.statement)}",
            made.proofs,
            made.inhabited or not made.statement.hypotheses,
            tuple(lemmas),
        )

    def _choose(self, random: Random) -> NamedTheorem:
        return random.choice(self._theorems if random.random() < 0.1 else self._general)


def sort(statement: Statement) -> str:
    """Return a path for statements on which the same recipes may work: the goal's operator, types, operations."""
    types = sorted(
        {token.text for _, type_ in statement.variables for token in tokenize(type_) if token.kind == "name"}
    )
    text = " ".join(statement.texts)
    operations = [name for name, signs in _OPERATIONS.items() if any(sign in text for sign in signs)]
    return f"{outermost(statement.goal)[0] or 'other'}/{'+'.join(types)}/{'+'.join(operations)}"


def _changed(name: str, conjecture: Conjecture, second: NamedTheorem, random: Random) -> Conjecture | None:
    """Apply a mutation to a conjecture; None if it does not apply or leaves no candidate proof."""
    further = ALL_MUTATIONS[name](KnownTheorem(conjecture.statement, conjecture.proofs), second.known, random)
    if further is None or not further.proofs:
        return None
    return Conjecture(further.statement, further.proofs, conjecture.inhabited and further.inhabited)


def _order(random: Random) -> list[str]:
    """Return the mutations in random order; the one that always applies and changes least is rarely early."""
    names = random.sample(list(ALL_MUTATIONS), len(ALL_MUTATIONS))
    if random.random() < 0.7:
        names.remove("add_hypothesis")
        names.append("add_hypothesis")
    return names
