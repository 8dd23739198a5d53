"""Measurements on held-out theorems, with the engine and the Lean workers of a run."""

from collections.abc import Sequence
from dataclasses import dataclass

from prover.sampling.prompt import PromptFormat
from training.algorithms.algorithm import Metrics
from training.rollouts.groups import sample_groups
from training.rollouts.prompts import Prompt
from training.rollouts.requests import RolloutSampler
from training.rollouts.verifier import Verifier
from training.trainer.distributed.processes import Rank

_SEED = -1
"""Distinct from the seeds of runs, which are 0 or more."""


@dataclass(frozen=True)
class DevSet:
    """Theorems, the number of samples for each, and their maximum length in tokens."""

    prompts: Sequence[Prompt]
    samples: int
    max_tokens: int

    def measure(self, engine: RolloutSampler, verifier: Verifier, form: PromptFormat, processes: Rank) -> Metrics:
        """Return the share of correct answers (`dev_reward`) and of solved theorems (`dev_solved`), with the same seeds
        each time.
        """
        own_prompts = list(enumerate(self.prompts))[processes.rank :: processes.count]
        groups = sample_groups(engine, verifier, form, own_prompts, self.samples, self.max_tokens, _SEED)
        rewards = [[rollout.reward for rollout in group.rollouts] for group in groups]
        right = sum(processes.gather(sum(map(sum, rewards))))
        solved = sum(processes.gather(sum(any(row) for row in rewards)))
        theorems = len(self.prompts)
        return {"dev_reward": right / (theorems * self.samples), "dev_solved": solved / theorems}
