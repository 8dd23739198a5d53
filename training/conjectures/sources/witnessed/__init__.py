"""Theorems whose proofs name what exists (a function, numbers, a quotient), which the template that makes the theorem knows."""

from collections.abc import Mapping, Sequence
from random import Random

from training.conjectures.sources.proposal import ProposedTheorem
from training.conjectures.sources.witnessed import divisors, functions, numbers
from training.conjectures.sources.witnessed.template import WitnessTemplate
from training.corpus.synthetic.generator import named

TEMPLATES: Mapping[str, WitnessTemplate] = {
    f"{family}/{name}": template
    for family, templates in (
        ("functions", functions.TEMPLATES),
        ("witnesses", numbers.TEMPLATES),
        ("divisors", divisors.TEMPLATES),
    )
    for name, template in templates.items()
}


class WithWitnesses:
    """Draws from the templates; each is an arm."""

    @property
    def arms(self) -> Sequence[str]:
        """See `Source`."""
        return list(TEMPLATES)

    def propose(self, arm: str, random: Random) -> ProposedTheorem:
        """See `Source`."""
        theorem = TEMPLATES[arm](random)
        record = named(theorem.draft, arm, random)
        while theorem.draft.variables and ": ∀" in record.statement:  # the proofs need the names of the binders
            record = named(theorem.draft, arm, random)
        return ProposedTheorem(record, ("witness",), arm, arm, proofs=theorem.proofs, inhabited=theorem.inhabited)
