"""Readability of a proof: its length, the work left to automation, and the hypotheses it names."""

from collections.abc import Sequence
from dataclasses import dataclass

from prover.source.lexer import tokenize

# The work that a tactic leaves to the reader, as an equivalent number of tokens.
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
    "trivial": 5.0,  # combines several tactics
    "grind": 5.0,
    "first": 8.0,
    "try": 8.0,
    "all_goals": 4.0,
    "any_goals": 4.0,
    "repeat": 6.0,
    "iterate": 6.0,
    "exact?": 20.0,
    "<;>": 3.0,
    "·": -1.0,  # shows the structure of the proof
    "\u27e8": -0.5,
    "\u27e9": -0.5,
}


@dataclass(frozen=True, slots=True)
class Readability:
    """Measures of one proof.

    Attributes:
        tokens: number of Lean tokens.
        automation: work left to search tactics, each weighted by how much it may hide; 0 for a term proof.
        named: number of hypotheses of the statement that the proof names.
    """

    tokens: int
    automation: float
    named: int

    @property
    def cost(self) -> float:
        """A weighted sum of the measures; lower is more readable."""
        return self.tokens + self.automation


def readability(proof: str, hypotheses: Sequence[str] = ()) -> Readability:
    """Measure a proof; `hypotheses` are the names bound in the statement."""
    texts = [token.text for token in tokenize(proof)]
    automation = sum(_AUTOMATION.get(text, 0.0) for text in texts)
    return Readability(len(texts), automation, len(set(hypotheses) & {text.partition(".")[0] for text in texts}))


def cost(proof: str) -> float:
    """See `Readability.cost`."""
    return readability(proof).cost
