"""Conjectures from the templates of synthetic theorems."""

from collections.abc import Sequence
from random import Random

from training.conjectures.sources.proposal import ProposedTheorem
from training.corpus.synthetic.generator import FAMILIES, draw

_BY_CONSTRUCTION = frozenset({"propositional", "first_order", "lists", "options", "induction", "divisibility"})
"""Families whose hypotheses are consistent for all draws."""


class FromTemplates:
    """Draws evenly from all templates that still have new theorems."""

    def __init__(self, families: Sequence[str] = tuple(FAMILIES)) -> None:
        """Use these families."""
        self._templates = [(family, name) for family in families for name in FAMILIES[family]]

    def propose(self, random: Random) -> ProposedTheorem | None:
        """See `Source`."""
        family, name = random.choice(self._templates)
        record = draw(family, name, FAMILIES[family][name], random)
        return ProposedTheorem(record, ("template",), record.family, inhabited=family in _BY_CONSTRUCTION)
