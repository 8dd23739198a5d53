"""Theorems with witnesses, as templates make them."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from training.corpus.synthetic.draft import Draft


@dataclass(frozen=True, slots=True)
class Witnessed:
    """A true statement with proofs of it.

    Attributes:
        proofs: candidates; the first hold in almost all cases, and further ones in some.
        inhabited: whether its hypotheses are known to be consistent.
    """

    draft: Draft
    proofs: tuple[str, ...]
    inhabited: bool = True


WitnessTemplate = Callable[[Random], Witnessed]
