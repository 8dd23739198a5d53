"""A candidate proof: the text that a sampler proposes and the pool checks."""

from dataclasses import dataclass

from prover.verdict import Mode


@dataclass(frozen=True, slots=True)
class Candidate:
    """A proposed proof. It counts as hostile until it is checked.

    Attributes:
        text: what follows `:=` (`Mode.PROOF`), or a whole file without imports (`Mode.FILE`).
        source: the proposer, for instance `portfolio` or `model:alpha-0.25`.
        log_prob: sum of the log-probabilities (natural) of its tokens under the model, at temperature 1 and without
            top_p; the end token counts if it was sampled. None if no model sampled it.
        tokens: number of sampled tokens, end token included.
        seed: the seed that reproduces it.
    """

    text: str
    mode: Mode = Mode.PROOF
    source: str = ""
    log_prob: float | None = None
    tokens: int = 0
    seed: int | None = None
