"""The thread that checks, with a scripted pool of workers: what a real one does only when it breaks."""

import asyncio
import errno
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from prover.lean.workers.pool import PoolUnavailableError, WorkerPool
from prover.theorem import Theorem
from prover.verdict import Limits, Message, Trust, Verdict, VerdictKind
from training.corpus.record import TheoremRecord
from training.journal import Journal
from training.rollouts.verifier import Verifier, VerifierGoneError

RECORD = TheoremRecord(name="t", statement="theorem t : 1 = 1")
RIGHT = Verdict(VerdictKind.VERIFIED, Trust.KERNEL_REPLAYED)
NO_ANSWER = Verdict(VerdictKind.INFRASTRUCTURE, messages=(Message("error", "the worker was killed"),))


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


def test_equal_proofs_are_checked_once_by_a_scripted_pool(tmp_path: Path) -> None:
    pool = ScriptedPool([RIGHT])
    with verifier_of(pool, tmp_path) as verifier:
        checks = [verifier.check(RECORD, proof) for proof in ("by simp", "by  simp", "by simp -- so", "rfl")]
        assert all(check.result().verified for check in checks)
        assert pool.asked == 2
        assert (verifier.counts.asked, verifier.counts.joined + verifier.counts.known) == (2, 2)
    assert pool.closed


def test_a_worker_that_vanishes_is_asked_again_by_a_scripted_pool(tmp_path: Path) -> None:
    pool = ScriptedPool([NO_ANSWER, RIGHT])
    with verifier_of(pool, tmp_path) as verifier:
        assert verifier.check(RECORD, "rfl").result().verified
    assert pool.asked == 2


def test_lean_that_never_answers_ends_the_run_with_a_reason_by_a_scripted_pool(tmp_path: Path) -> None:
    pool = ScriptedPool([NO_ANSWER])
    with (
        verifier_of(pool, tmp_path) as verifier,
        pytest.raises(VerifierGoneError, match=r"no answer 3 times in a row: the worker was killed"),
    ):
        verifier.check(RECORD, "rfl").result()
    assert pool.closed


def test_a_full_disk_reaches_whoever_waits_for_the_verdict_by_a_scripted_pool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_journal: Journal, _line: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with verifier_of(ScriptedPool([RIGHT]), tmp_path) as verifier:
        monkeypatch.setattr(Journal, "append", full)
        with pytest.raises(OSError, match="No space left on device"):
            verifier.check(RECORD, "rfl").result()


def test_workers_that_do_not_start_are_said_and_nothing_is_left_by_a_scripted_pool(tmp_path: Path) -> None:
    pool = ScriptedPool([RIGHT], starts=False)
    with pytest.raises(PoolUnavailableError, match="no worker comes up"), verifier_of(pool, tmp_path):
        pass
    assert pool.closed


def test_leaving_cancels_what_is_under_way_by_a_scripted_pool(tmp_path: Path) -> None:
    pool = ScriptedPool([NO_ANSWER])
    with verifier_of(pool, tmp_path) as verifier:
        check = verifier.check(RECORD, "rfl")
    assert check.cancelled() or isinstance(check.exception(), VerifierGoneError | asyncio.CancelledError)
    assert pool.closed
