"""The resolved options of a search: terms of sampling, checking and choosing."""

from dataclasses import dataclass, field

from prover.lean.checker import DEFAULT_TERMS, Terms
from prover.options import Preference
from prover.sampling.sampler import SamplingParams
from prover.verdict import Trust


@dataclass(frozen=True, slots=True)
class SearchTerms:
    """Resolved terms of sampling, checking and choosing.

    Attributes:
        params: parameters of every sampler; `samples` is replaced by the number left in the budget.
        terms: terms of each question to Lean.
        trust: proofs below this tier do not count; at least `KERNEL_REPLAYED`.
        prefer: criterion for choosing proofs; all but `FIRST` collect more proofs than requested.
        surplus: the factor by which more are collected.
        minimise: maximum number of checks, in addition to the budget, for making each proof more readable after the
            search; 0: none.
        minimise_seconds: wall-clock limit of that per proof, within the budget's time; None: only the budget's time.
    """

    params: SamplingParams = field(default_factory=SamplingParams)
    terms: Terms = DEFAULT_TERMS
    trust: Trust = Trust.KERNEL_REPLAYED
    prefer: Preference = Preference.FIRST
    surplus: int = 3
    minimise: int = 0
    minimise_seconds: float | None = None

    def __post_init__(self) -> None:
        """Raise ValueError if a part is invalid."""
        if self.trust < Trust.KERNEL_REPLAYED:
            raise ValueError(f"proofs count from {Trust.KERNEL_REPLAYED.name} on, not from {self.trust.name}")
        if self.surplus < 1 or self.minimise < 0:
            raise ValueError("surplus must be at least 1, and minimise not negative")
