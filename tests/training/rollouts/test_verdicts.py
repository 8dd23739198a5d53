import asyncio
from pathlib import Path

import pytest

from prover.candidate import Candidate
from prover.lean.checker import DEFAULT_TERMS, Terms
from prover.lean.library import guarded
from prover.theorem import Theorem
from prover.verdict import Limits, Trust, Verdict, VerdictKind
from training.journal import JournalError
from training.rollouts.verdicts import VerdictCache

ONE, OTHER = Theorem("theorem one : 1 = 1"), Theorem("theorem other : 2 = 2")


class RecordingChecker:
    """A stand-in for a pool whose verdict is the text of the proof; it records its checks."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.cancelled = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def check(self, theorem: Theorem, candidate: Candidate, terms: Terms = DEFAULT_TERMS) -> Verdict:
        self.asked.append(candidate.text)
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        kind = VerdictKind(candidate.text.split()[0])
        return Verdict(kind, Trust.KERNEL_REPLAYED if kind is VerdictKind.VERIFIED else Trust.NONE)


async def test_a_verdict_is_asked_for_once_and_survives_the_process(tmp_path: Path) -> None:
    checker, path = RecordingChecker(), tmp_path / "verdicts.jsonl"
    with VerdictCache(checker, path) as cache:
        first = await cache.check(ONE, Candidate("verified"))
        assert (await cache.check(ONE, Candidate("verified  -- the same"))).verified
    with VerdictCache(checker, path) as cache:
        again = await cache.check(ONE, Candidate("verified"))
        assert cache.counts.known == 1
    assert checker.asked == ["verified"]
    assert (again.kind, again.trust) == (first.kind, first.trust)


async def test_theorem_proof_policy_limits_and_version_each_count(tmp_path: Path) -> None:
    checker = RecordingChecker()
    with VerdictCache(checker, tmp_path / "verdicts.jsonl", "lean 1") as cache:
        await cache.check(ONE, Candidate("rejected"))
        await cache.check(OTHER, Candidate("rejected"))
        await cache.check(ONE, Candidate("rejected by me"))
        await cache.check(ONE, Candidate("rejected"), Terms(policy=guarded("Nat.add_comm")))
        await cache.check(ONE, Candidate("rejected"), Terms(Limits(heartbeats=1)))
        assert len(cache) == 5
    with VerdictCache(checker, tmp_path / "verdicts.jsonl", "lean 2") as cache:
        await cache.check(ONE, Candidate("rejected"))
    assert len(checker.asked) == 6


@pytest.mark.parametrize("kind", ["timeout", "out_of_resources", "infrastructure"])
async def test_what_says_nothing_about_the_proof_is_asked_again(tmp_path: Path, kind: str) -> None:
    checker = RecordingChecker()
    with VerdictCache(checker, tmp_path / "verdicts.jsonl") as cache:
        for _ in range(2):
            assert (await cache.check(ONE, Candidate(kind))).kind.value == kind
        assert len(cache) == 0
    assert checker.asked == [kind, kind]
    assert (tmp_path / "verdicts.jsonl").read_bytes() == b""


async def test_identical_requests_at_the_same_time_are_one_and_one_may_leave(tmp_path: Path) -> None:
    checker = RecordingChecker()
    checker.gate.clear()
    with VerdictCache(checker, tmp_path / "verdicts.jsonl") as cache:
        tasks = [asyncio.create_task(cache.check(ONE, Candidate("verified"))) for _ in range(3)]
        await asyncio.sleep(0)
        tasks[0].cancel()
        await asyncio.sleep(0)
        checker.gate.set()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(answers[0], asyncio.CancelledError)
    assert all(isinstance(answer, Verdict) and answer.verified for answer in answers[1:])
    assert checker.asked == ["verified"]


async def test_a_check_that_nobody_waits_for_any_more_is_cancelled(tmp_path: Path) -> None:
    checker = RecordingChecker()
    checker.gate.clear()
    with VerdictCache(checker, tmp_path / "verdicts.jsonl") as cache:
        tasks = [asyncio.create_task(cache.check(ONE, Candidate("verified"))) for _ in range(2)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)
        assert checker.cancelled == 1
        checker.gate.set()
        assert (await cache.check(ONE, Candidate("verified"))).verified


async def test_a_torn_last_line_is_asked_again(tmp_path: Path) -> None:
    checker, path = RecordingChecker(), tmp_path / "verdicts.jsonl"
    with VerdictCache(checker, path) as cache:
        await cache.check(ONE, Candidate("verified"))
        await cache.check(OTHER, Candidate("rejected"))
    path.write_bytes(path.read_bytes()[:-5])
    with VerdictCache(checker, path) as cache:
        assert len(cache) == 1
        await cache.check(OTHER, Candidate("rejected"))
    with VerdictCache(checker, path) as cache:
        assert len(cache) == 2


@pytest.mark.parametrize("line", ["{}", "[1, 2]", '["zz", "verified", 2]', '["00", "perhaps", 0]', "5"])
def test_another_file_is_refused_and_left_alone(tmp_path: Path, line: str) -> None:
    path = tmp_path / "other.jsonl"
    path.write_text(line + "\n")
    for _ in range(2):  # the first refusal lets go of the file
        with pytest.raises(JournalError, match=r"other\.jsonl:1: this is not a line of a verdict cache"):
            VerdictCache(RecordingChecker(), path)
    assert path.read_text() == line + "\n"
