"""Conjectures from the library: its theorems, to be proved anew, and as sources of mutations."""

import re
from collections.abc import Sequence
from random import Random

from prover.sampling.plans.statement import Statement
from training.conjectures.mutations import KnownTheorem
from training.conjectures.sources.mutated import NamedTheorem
from training.conjectures.sources.proposal import ProposedTheorem
from training.corpus.record import TheoremRecord

_TYPE_BINDER = re.compile(r"\{((?:\w+ )+): (?:Type|Sort)(?: \w+)?\},?\s*")
_NO_TYPE_BINDER = re.compile(r"\{(?:Nat )+: (?:Type|Sort)(?: \w+)?\},?\s*")
_INSTANCE = re.compile(r"\[(?:inst\w* : )?[A-Z][\w.]*(?: Nat)+\],?\s*")
_UNIVERSES = re.compile(r"\.\{[\w, ]+\}")
_FORMS = ("exact {0} ..", "simp [{0}]", "grind [{0}]", "apply {0} <;> assumption", "rw [{0}]", "simp_all [{0}]")


class LibraryTheorems:
    """The theorems of a library corpus, each once, with its guard."""

    def __init__(self, records: Sequence[TheoremRecord]) -> None:
        """Use this corpus."""
        self._left = sorted(records, key=lambda record: record.theorem.digest)

    @property
    def arms(self) -> Sequence[str]:
        """See `Source`."""
        return ["library"]

    def propose(self, arm: str, random: Random) -> ProposedTheorem | None:
        """See `Source`."""
        if not self._left:
            return None
        record = self._left.pop(random.randrange(len(self._left)))
        # Library theorems are assumed to have consistent hypotheses.
        return ProposedTheorem(record, ("library",), arm, f"library/{record.family}", inhabited=True)


def as_known(records: Sequence[TheoremRecord]) -> list[NamedTheorem]:
    """Return library theorems about numbers, Booleans, and lists and options of numbers, with proofs by name.

    Theorems about any type are instantiated with natural numbers.
    """
    found = []
    for record in records:
        concrete = at_numbers(record)
        read = None if concrete is None else Statement.read(concrete.theorem)
        if read is None or not read.variables:
            continue
        read = Statement(read.variables, read.hypotheses, read.goal)
        proofs = tuple(f"by\n  {form.format(record.guard)}" for form in _FORMS)
        found.append(NamedTheorem(record.name, KnownTheorem(read, proofs), record.guard))
    return found


def at_numbers(record: TheoremRecord) -> TheoremRecord | None:
    """Instantiate a library theorem's type variables with natural numbers, and its instance arguments with theirs."""
    text = record.statement
    if record.header or record.context or not record.guard or any(sign in text for sign in "⦃@"):
        return None
    text = _UNIVERSES.sub("", text, count=1)
    for match in list(_TYPE_BINDER.finditer(text)):
        for name in match[1].split():
            text = re.sub(rf"(?<![\w.'✝]){re.escape(name)}(?![\w'✝])", "Nat", text)
    text = _INSTANCE.sub("", _NO_TYPE_BINDER.sub("", text))
    text = re.sub(r":\s*∀\s*,\s*", ": ", " ".join(text.split()))
    try:
        return TheoremRecord(name=record.name, statement=text, guard=record.guard)
    except ValueError:  # a name that cannot be distinguished from a type's
        return None
