"""The unbiased estimate of pass@k, the probability that k samples contain a correct one. arXiv 2107.03374, equation
1.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def pass_at_k(samples: int, right: int, k: int) -> float:
    """Return `1 - C(n-c, k)/C(n, k)` for c correct of n samples.

    Raises:
        ValueError: k is larger than the number of samples, or there are more correct ones than samples.
    """
    if not (0 <= right <= samples and 1 <= k <= samples):
        raise ValueError(f"pass@{k} cannot be estimated from {right} right of {samples} samples.")
    return 1 - math.comb(samples - right, k) / math.comb(samples, k)


def pass_at_k_of_each(samples: Sequence[int], right: Sequence[int], k: int) -> NDArray[np.float64]:
    """Return pass@k of every theorem; their mean is the model's."""
    return np.array([pass_at_k(n, c, k) for n, c in zip(samples, right, strict=True)])


def powers_up_to(samples: int) -> list[int]:
    """Return 1, 2, 4, … up to the number of samples: the tabulated k."""
    return [1 << exponent for exponent in range(samples.bit_length())]
