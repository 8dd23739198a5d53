"""The checking thread, with a scripted pool of workers that fails like a real one."""

import asyncio
import errno
from pathlib import Path

import pytest

from prover.lean.workers.pool import PoolUnavailableError
from prover.verdict import Message, Verdict, VerdictKind
from tests.training.rollouts.scripted_pool import RIGHT, ScriptedPool, verifier_of
from training.corpus.record import TheoremRecord
from training.journal import Journal
from training.rollouts.verifier import VerifierGoneError

RECORD = TheoremRecord(name="t", statement="theorem t : 1 = 1")
NO_ANSWER = Verdict(VerdictKind.INFRASTRUCTURE, messages=(Message("error", "the worker was killed"),))


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
