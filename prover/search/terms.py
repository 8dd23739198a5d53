"""What the options of a search are resolved to: how it samples, checks and chooses."""

from dataclasses import dataclass, field

from prover.lean.checker import DEFAULT_TERMS, Terms
from prover.options import Preference
from prover.sampling.sampler import SamplingParams
from prover.verdict import Trust


@dataclass(frozen=True, slots=True)
class SearchTerms:
    """How a search samples, checks and chooses.

    Attributes:
        params: handed to every sampler; `samples` is replaced by what the budget has left.
        terms: of each question to Lean.
        trust: proofs below this tier do not count; at least `KERNEL_REPLAYED`.
        prefer: anything but `FIRST` collects more proofs than are wanted, to choose among them.
        surplus: how many times as many.
        minimise: most checks for making each proof read better when the search is over, beyond the budget's; 0: leave them.
        minimise_seconds: wall-clock bound of that for each proof, within the budget's; None: that bound alone.
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
