"""Paired bootstrap: tests whether the difference between two models exceeds the variation due to the choice of
theorems.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import bootstrap

RESAMPLES = 10_000


@dataclass(frozen=True, slots=True)
class Difference:
    """Mean difference between two models over the same theorems.

    Attributes:
        mean: mean of second minus first.
        low, high: 95 % percentile interval.
        p_value: two-sided; twice the share of resamples of the opposite sign or 0, at most 1.
    """

    mean: float
    low: float
    high: float
    p_value: float


def paired_bootstrap(
    first: NDArray[np.float64], second: NDArray[np.float64], resamples: int = RESAMPLES, seed: int = 0
) -> Difference:
    """Resample theorems, keeping each theorem's pair of values together.

    Raises:
        ValueError: the two do not have one value each for the same theorems, at least two.
    """
    if first.shape != second.shape or first.ndim != 1 or len(first) < 2:
        raise ValueError(
            f"A paired bootstrap needs two values for each of 2 or more theorems, found {first.shape} and {second.shape}."
        )
    difference = second - first
    result = bootstrap(
        (difference,), np.mean, n_resamples=resamples, method="percentile", rng=np.random.default_rng(seed)
    )
    means = result.bootstrap_distribution
    # One is added to both sides: a p-value of exactly 0 would claim more than the resamples show.
    far = min(int((means <= 0).sum()), int((means >= 0).sum()))
    return Difference(
        mean=float(difference.mean()),
        low=float(result.confidence_interval.low),
        high=float(result.confidence_interval.high),
        p_value=min(1.0, 2 * (far + 1) / (resamples + 1)),
    )
