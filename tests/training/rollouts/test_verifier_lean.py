"""The thread that checks, with real Lean behind it."""

from pathlib import Path
from typing import Any

import pytest

from prover.lean.runtimes.embedded import EmbeddedLean
from prover.lean.wire.lines import Request
from prover.lean.workers.pool import PoolConfig, WorkerPool
from prover.verdict import Limits, Trust, VerdictKind
from training.corpus.record import TheoremRecord
from training.rollouts.verifier import Verifier

pytestmark = pytest.mark.lean

RECORD = TheoremRecord(name="t", statement="theorem t (n : ℕ) : n = n", context='macro "ℕ" : term => `(Nat)')


class Refusal:
    """Judges that refuse whatever elaborators hand out."""

    async def ask(self, request: Request[Any], *_job: object) -> Any:
        return request.failed(VerdictKind.REJECTED, "it is not proved", 0.0)


class Judged(WorkerPool):
    """Workers whose judges refuse everything from the second proof on."""

    proofs = 0

    async def judges(self) -> Any:
        self.proofs += 1
        return await super().judges() if self.proofs == 1 else Refusal()


def test_a_rollout_in_quarantine_is_rewarded_only_with_the_judges_word(tmp_path: Path) -> None:
    pool = Judged(EmbeddedLean(), PoolConfig(workers=1, spares=0, grace_seconds=5.0))
    with Verifier(lambda: pool, tmp_path / "verdicts.jsonl", Limits(seconds=120)) as verifier:
        judged = verifier.check(RECORD, "rfl").result()
        assert (judged.verified, judged.trust) == (True, Trust.ISOLATED_REPLAY)
        assert not verifier.check(RECORD, "by simp").result().verified
        assert not verifier.check(RECORD, "by sorry").result().verified
