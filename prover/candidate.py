"""A candidate proof: what a sampler proposes and the pool checks."""

from dataclasses import dataclass

from prover.verdict import Mode


@dataclass(frozen=True, slots=True)
class Candidate:
    """A proof somebody proposes. Hostile until checked.

    Attributes:
        text: what follows `:=` (`Mode.PROOF`), or a whole file without imports (`Mode.FILE`).
        source: who proposed it, for instance `portfolio` or `model:alpha=0.25`.
        log_prob: log-probability of the whole sequence under the sampler, natural log; None where there is none.
        tokens: tokens sampled.
        seed: the seed that reproduces it.
    """

    text: str
    mode: Mode = Mode.PROOF
    source: str = ""
    log_prob: float | None = None
    tokens: int = 0
    seed: int | None = None
