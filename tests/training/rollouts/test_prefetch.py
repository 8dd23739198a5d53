"""Sampling ahead, with a scripted engine and a scripted pool of Lean workers that answers when it is told to."""

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from prover.sampling.prompt import SourceFormat
from prover.verdict import Verdict
from tests.training.rollouts.scripted_pool import RIGHT, ScriptedPool, verifier_of
from training.algorithms.registry import create_algorithm
from training.config import RolloutConfig
from training.corpus.record import TheoremRecord
from training.rollouts.collector import Collector, Cursor
from training.rollouts.prefetch import Prefetcher
from training.rollouts.prompts import Prompt, PromptStream
from training.rollouts.requests import Response, RolloutRequest
from training.trainer.distributed.processes import Rank

PROMPTS = [Prompt(TheoremRecord(name=f"t{n}", statement=f"theorem t{n} : {n} = {n}"), (n,)) for n in range(4)]


class PausedPool(ScriptedPool):
    """Gives no verdict before `answers` is set."""

    def __init__(self) -> None:
        super().__init__([RIGHT])
        self.answers = threading.Event()

    async def check(self, *request: Any) -> Verdict:
        await asyncio.to_thread(self.answers.wait, 60)
        return await super().check(*request)


class ScriptedEngine:
    """Answers every request with another proof at once."""

    def __init__(self) -> None:
        self.asked = 0

    def sample(
        self, requests: Sequence[RolloutRequest], done: Callable[[int, Response], None], stopped: Any = None
    ) -> None:
        for number in range(len(requests)):
            self.asked += 1
            done(number, Response((1, 2), (-1.0, -1.0), f"by exact rfl{self.asked}", True))

    def load_written(self) -> None:
        pass


@contextmanager
def sampling_ahead(
    algorithm: str, pool: PausedPool, folder: Path
) -> Iterator[tuple[Prefetcher, Collector, ScriptedEngine]]:
    engine = ScriptedEngine()
    settings = RolloutConfig(prompts=[Path("p")], steps=3, prompts_per_step=2, rollouts_per_prompt=2, max_staleness=1)
    with verifier_of(pool, folder) as verifier:
        collector = Collector(
            engine,  # type: ignore[arg-type]
            verifier,
            SourceFormat(),
            PromptStream(PROMPTS, 1),
            create_algorithm(algorithm, {}, 8),
            settings,
            budget=12,
            seed=1,
            processes=Rank(),
        )
        with Prefetcher(collector, Cursor(), 0, 1) as ahead:
            yield ahead, collector, engine
        pool.answers.set()


def test_batches_are_sampled_before_lean_has_answered_and_no_further_ahead_than_allowed(tmp_path: Path) -> None:
    pool = PausedPool()
    with sampling_ahead("grpo", pool, tmp_path) as (ahead, collector, engine):
        first, second = ahead.next(), ahead.next()
        assert (first.version, second.version, second.cursor) == (0, 0, Cursor(4, 8))
        assert (first.kept, pool.asked, engine.asked) == ([], 0, 8)
        pool.answers.set()
        collector.settle(first)
        took = first.seconds
        collector.settle(first)
        assert first.seconds == took > 0  # a batch is settled once
        assert first.kept == [[0, 1]]
        assert [rollout.reward for group in first.usable for rollout in group.rollouts] == [1.0] * 4
        assert engine.asked == 8  # the third waits for an update
        ahead.learned(1)
        third = ahead.next()
        collector.settle(third)
        assert (third.version, third.cursor, engine.asked) == (1, Cursor(6, 12), 12)


def test_where_groups_are_replaced_a_batch_is_handed_on_with_its_verdicts(tmp_path: Path) -> None:
    pool = PausedPool()
    pool.answers.set()
    with sampling_ahead("dapo", pool, tmp_path) as (ahead, _, _):
        batch = ahead.next()
    # All answers are right: no group teaches anything, and the whole budget went into looking for one.
    assert (batch.usable, batch.cursor.spent) == ([], 12)
    assert batch.kept == [[]] * 3


def test_what_lean_could_not_answer_is_raised_where_the_batch_is_settled(tmp_path: Path) -> None:
    class Broken(PausedPool):
        async def check(self, *request: Any) -> Verdict:
            raise OSError("no space left")

    with sampling_ahead("grpo", Broken(), tmp_path) as (ahead, collector, _):
        batch = ahead.next()
        with pytest.raises(OSError, match="no space left"):
            collector.settle(batch)
