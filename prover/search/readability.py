"""How well a person reads a proof: how much is written, how much is left to automation, which hypotheses it names."""

from collections.abc import Sequence
from dataclasses import dataclass

from prover.source.lexer import tokenize

# What a reader has to work out for themselves, in tokens that would say as much.
_AUTOMATION = {
    "rfl": 1.0,
    "assumption": 1.0,
    "contradiction": 1.0,
    "decide": 2.0,
    "omega": 2.0,
    "simp": 2.0,
    "ac_rfl": 2.0,
    "nofun": 2.0,
    "simp_all": 4.0,
    "solve_by_elim": 4.0,
    "trivial": 5.0,  # one of several
    "grind": 5.0,
    "first": 8.0,
    "try": 8.0,
    "all_goals": 4.0,
    "any_goals": 4.0,
    "repeat": 6.0,
    "iterate": 6.0,
    "exact?": 20.0,
    "<;>": 3.0,
    "·": -1.0,  # says where one is
    "\u27e8": -0.5,
    "\u27e9": -0.5,
}


@dataclass(frozen=True, slots=True)
class Readability:
    """Measures of one proof.

    Attributes:
        tokens: of Lean.
        automation: what is left to tactics that search, each by how much it may hide; 0 for a term.
        named: hypotheses of the statement that the proof names.
    """

    tokens: int
    automation: float
    named: int

    @property
    def cost(self) -> float:
        """The lower, the better it reads."""
        return self.tokens + self.automation


def readability(proof: str, hypotheses: Sequence[str] = ()) -> Readability:
    """Measure a proof; `hypotheses` are names of the statement's own."""
    texts = [token.text for token in tokenize(proof)]
    automation = sum(_AUTOMATION.get(text, 0.0) for text in texts)
    return Readability(len(texts), automation, len(set(hypotheses) & {text.partition(".")[0] for text in texts}))


def cost(proof: str) -> float:
    """See `Readability.cost`."""
    return readability(proof).cost
