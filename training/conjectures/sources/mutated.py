"""Conjectures by mutation of known theorems."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from prover.sampling.plans.statement import Statement
from training.conjectures.mutations import MUTATIONS, Conjecture, KnownTheorem, in_front
from training.conjectures.sources.composition import compose, conjoin
from training.conjectures.sources.proposal import ProposedTheorem, record_of
from training.corpus.proofs import ProvedTheorem

_ALL = {**MUTATIONS, "conjoin": conjoin, "compose": compose}
_PATIENCE = 200
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
    """Applies one or two mutations to a theorem."""

    def __init__(self, theorems: Sequence[NamedTheorem]) -> None:
        """Use these theorems; raises ValueError if there are none."""
        if not theorems:
            raise ValueError("There is no proved theorem whose statement could be changed.")
        self._theorems = theorems
        # Computations without variables offer few mutations: they get one draw in ten.
        self._general = [each for each in theorems if each.known.statement.variables] or theorems

    def propose(self, random: Random) -> ProposedTheorem | None:
        """See `Source`; tries another theorem if no mutation applies."""
        for _ in range(_PATIENCE):
            first, second = self._choose(random), self._choose(random)
            wanted = random.choice([1, 1, 2])
            names: tuple[str, ...] = ()
            made = Conjecture(first.known.statement, first.known.proofs)
            for name in _order(random):
                if len(names) == wanted:
                    break
                further = _ALL[name](KnownTheorem(made.statement, made.proofs), second.known, random)
                if further is not None and further.proofs:
                    names = (*names, name)
                    made = Conjecture(further.statement, further.proofs, made.inhabited and further.inhabited)
            if names and not (first.lemma and set(names) <= _INSTANCES):
                return self._proposal(first, second, names, made)
        return None

    def _proposal(
        self, first: NamedTheorem, second: NamedTheorem, names: tuple[str, ...], made: Conjecture
    ) -> ProposedTheorem:
        together = {"conjoin", "compose"} & set(names)
        lemmas = [each.lemma for each in ((first, second) if together else (first,)) if each.lemma]
        place = "library" if first.lemma else "conjectures"
        return ProposedTheorem(
            record_of(made.statement, first.name, names, f"{place}/{first.name}"),
            names,
            f"{place}/{names[0]}",
            made.proofs,
            made.inhabited or not made.statement.hypotheses,
            tuple(lemmas),
        )

    def _choose(self, random: Random) -> NamedTheorem:
        return random.choice(self._theorems if random.random() < 0.1 else self._general)


def _order(random: Random) -> list[str]:
    """Return the mutations in random order; the one that always applies and changes least is rarely early."""
    names = random.sample(list(_ALL), len(_ALL))
    if random.random() < 0.7:
        names.remove("add_hypothesis")
        names.append("add_hypothesis")
    return names
