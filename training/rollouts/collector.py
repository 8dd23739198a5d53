"""Batches of rollouts: groups are sampled in rounds until the algorithm can use enough of them."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch

from prover.sampling.prompt import PromptFormat
from training.algorithms.algorithm import Algorithm
from training.config import RolloutConfig
from training.rollouts.groups import Group, sample_groups
from training.rollouts.prompts import PromptStream
from training.rollouts.requests import RolloutSampler
from training.rollouts.verifier import Verifier
from training.trainer.distributed.processes import Rank
from training.trainer.watch import Watch


@dataclass(frozen=True, slots=True)
class Cursor:
    """Position in a run's sequence of theorems.

    Attributes:
        draw: number of the next theorem in the stream of prompts.
        spent: rollouts so far, including replaced ones.
    """

    draw: int = 0
    spent: int = 0


@dataclass
class Batch:
    """This process's share of the samples for one step, from weights of `version` updates.

    Attributes:
        rounds: groups, in the order in which they were sampled.
        kept: for each round with verdicts, the indices of the groups that the algorithm can use.
        cursor: position of the next batch.
        began: start of its sampling, on the monotonic clock, in seconds.
        seconds: from then to the last verdict.
    """

    cursor: Cursor
    version: int
    rounds: list[list[Group]] = field(default_factory=list)
    kept: list[list[int]] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    seconds: float = 0.0

    @property
    def sampled(self) -> list[Group]:
        """Return all groups."""
        return [group for groups in self.rounds for group in groups]

    @property
    def usable(self) -> list[Group]:
        """Return the groups to learn from."""
        return [groups[index] for groups, kept in zip(self.rounds, self.kept, strict=True) for index in kept]


@dataclass(frozen=True)
class Collector:
    """Samples a batch and waits for its verdicts.

    Attributes:
        budget: number of rollouts of the whole run.
        seed: seed of the run.
    """

    engine: RolloutSampler
    verifier: Verifier
    form: PromptFormat
    stream: PromptStream
    algorithm: Algorithm
    settings: RolloutConfig
    budget: int
    seed: int
    processes: Rank

    def collect(
        self,
        start: Cursor,
        version: int,
        meanwhile: Callable[[Sequence[Group]], None] | None = None,
        watch: Watch | None = None,
        stopped: threading.Event | None = None,
    ) -> Batch:
        """Collect one batch, from `start` on. Groups that the algorithm cannot use are replaced, within the same
        budget.

        Args:
            version: number of updates of the engine's weights.
            meanwhile: called with each round when it is sampled, while Lean checks it.
            watch: records the laps sample and verify.
            stopped: stops sampling when it is set.

        Raises:
            SamplingStoppedError: `stopped` was set.
        """
        batch = Batch(start, version)
        while self._found(batch) < self.settings.prompts_per_step and batch.cursor.spent < self.budget:
            self.sample_round(batch, stopped)
            if watch is not None:
                watch.lap("sample")
            if meanwhile is not None:
                meanwhile(batch.rounds[-1])
            self.settle(batch)
            if watch is not None:
                watch.lap("verify")
        return batch

    def sample_round(self, batch: Batch, stopped: threading.Event | None = None) -> None:
        """Sample as many groups as the batch still lacks, within the budget; Lean checks them afterwards.

        Raises:
            SamplingStoppedError: `stopped` was set.
        """
        rollouts = self.settings.rollouts_per_prompt
        missing = self.settings.prompts_per_step - self._found(batch)
        wanted = min(missing, (self.budget - batch.cursor.spent) // rollouts)
        wanted = -(-wanted // self.processes.count) * self.processes.count  # every process has as many
        first = batch.cursor.draw
        drawn = [(number, self.stream[number]) for number in range(first, first + wanted)]
        groups = sample_groups(
            self.engine,
            self.verifier,
            self.form,
            drawn[self.processes.rank :: self.processes.count],
            rollouts,
            self.settings.max_response_tokens,
            self.seed,
            self.algorithm.needs_greedy,
            stopped,
        )
        batch.cursor = Cursor(first + wanted, batch.cursor.spent + wanted * rollouts)
        batch.rounds.append(groups)

    def settle(self, batch: Batch) -> None:
        """Wait for the verdicts of the sampled rounds, and determine which groups the algorithm can use.

        Raises:
            VerifierGoneError, OSError: see `Verifier.check`.
        """
        for groups in batch.rounds[len(batch.kept) :]:
            rewards = torch.tensor([[rollout.reward for rollout in group.rollouts] for group in groups])
            batch.kept.append(self.algorithm.keep_groups(rewards).nonzero()[:, 0].tolist())
            batch.seconds = time.monotonic() - batch.began

    def _found(self, batch: Batch) -> int:
        return sum(self.processes.gather(sum(map(len, batch.kept))))
