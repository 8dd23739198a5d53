"""Conjectures from the templates of synthetic theorems."""

from collections.abc import Sequence
from random import Random

from training.conjectures.sources.proposal import ProposedTheorem
from training.corpus.synthetic.generator import FAMILIES, draw
from training.corpus.synthetic.wide import WIDE_FAMILIES

_BY_CONSTRUCTION = frozenset(
    {"propositional", "first_order", "lists", "options", "induction", "divisibility", *WIDE_FAMILIES}
)
"""Families whose hypotheses are consistent for all draws."""


class FromTemplates:
    """Draws from the templates; each is an arm."""

    def __init__(self) -> None:
        """Use all families."""
        self._templates = {
            f"{family}/{name}": template
            for family, templates in {**FAMILIES, **WIDE_FAMILIES}.items()
            for name, template in templates.items()
        }

    @property
    def arms(self) -> Sequence[str]:
        """See `Source`."""
        return list(self._templates)

    def propose(self, arm: str, random: Random) -> ProposedTheorem | None:
        """See `Source`."""
        family, _, name = arm.partition("/")
        record = draw(family, name, self._templates[arm], random)
        return ProposedTheorem(record, ("template",), arm, record.family, inhabited=family in _BY_CONSTRUCTION)
