"""Pass@k training: reward a set of k rollouts for containing a correct answer. arXiv 2508.10751, analytical derivation.

The advantages are the closed form of the mean over all k-subsets of N rollouts; the loss is GRPO's.
"""

import math
from dataclasses import dataclass

import torch
from pydantic import PositiveInt

from training.algorithms.algorithm import Advantages, Rollouts
from training.algorithms.grpo.grpo import Grpo


@dataclass
class PassAtK(Grpo):
    """With N⁻ wrong rollouts of N: `R = 1 - C(N⁻,k)/C(N,k)`, `s = √(R(1-R))`, `A⁺ = (1-R)/s`, `A⁻ = (1 - R -
    C(N⁻-1,k-1)/C(N-1,k-1))/s`; 0 if s is 0.
    """

    k: PositiveInt = 4
    """Size of the set; at most the number of rollouts per prompt."""

    @torch.no_grad()
    def advantages(self, rollouts: Rollouts) -> Advantages:
        right = rollouts.rewards > 0
        n = right.shape[1]
        if not 1 <= self.k <= n:
            raise ValueError(
                f"pass@k training needs 1 <= k <= rollouts a prompt, found k = {self.k} with {n} rollouts."
            )
        table = rollouts.rewards.new_tensor([self._of_right_and_wrong(n, wrong) for wrong in range(n + 1)])
        chosen = table[(~right).sum(1)]
        return Advantages(torch.where(right, chosen[:, :1], chosen[:, 1:]), {})

    def _of_right_and_wrong(self, n: int, wrong: int) -> tuple[float, float]:
        """Return (A⁺, A⁻) for `wrong` wrong rollouts of n."""
        failure = math.comb(wrong, self.k) / math.comb(n, self.k)
        spread = math.sqrt(failure * (1 - failure))
        if spread == 0:
            return 0.0, 0.0
        failure_with_one = math.comb(wrong - 1, self.k - 1) / math.comb(n - 1, self.k - 1)
        return failure / spread, (failure - failure_with_one) / spread
