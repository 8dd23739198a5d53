"""A scripted pool of Lean workers, and the verifier that asks it."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prover.lean.workers.pool import PoolUnavailableError, WorkerPool
from prover.theorem import Theorem
from prover.verdict import Limits, Trust, Verdict, VerdictKind
from training.rollouts.verifier import Verifier

RIGHT = Verdict(VerdictKind.VERIFIED, Trust.KERNEL_REPLAYED)


class ScriptedPool:
    """Gives the verdicts of a list one after the other, and the last for ever."""

    size = 2
    lean_version = "4"
    worker_version = "1"

    def __init__(self, verdicts: Sequence[Verdict], starts: bool = True) -> None:
        self._verdicts = list(verdicts)
        self._starts = starts
        self.asked = 0
        self.closed = False

    async def start(self) -> None:
        pass

    async def ready(self) -> None:
        if not self._starts:
            raise PoolUnavailableError("no worker comes up")

    def only_contained(self, _theorem: Theorem) -> bool:
        return False

    async def close(self) -> None:
        self.closed = True

    async def check(self, *_request: Any) -> Verdict:
        self.asked += 1
        await asyncio.sleep(0.01)
        return self._verdicts.pop(0) if len(self._verdicts) > 1 else self._verdicts[0]


def verifier_of(pool: ScriptedPool, folder: Path) -> Verifier:
    def make() -> WorkerPool:
        return pool  # type: ignore[return-value]

    return Verifier(make, folder / "verdicts.jsonl", Limits())
