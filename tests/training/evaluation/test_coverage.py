import asyncio
from pathlib import Path

from prover.candidate import Candidate
from prover.lean.checker import DEFAULT_TERMS, Terms
from prover.theorem import Theorem
from prover.verdict import Limits, Trust, Verdict, VerdictKind
from training.corpus.record import TheoremRecord
from training.evaluation.apart import Drawn
from training.evaluation.coverage import measure
from training.rollouts.verdicts import VerdictCache

RECORDS = [TheoremRecord(name=name, statement=f"theorem {name} : 1 = 1") for name in ("one", "two")]
LIMITS = Limits(heartbeats=7)


class Decided:
    """Stands in for Lean: `by rfl` is a proof."""

    async def check(self, _theorem: Theorem, candidate: Candidate, _terms: Terms = DEFAULT_TERMS) -> Verdict:
        good = candidate.text == "by rfl"
        return Verdict(VerdictKind.VERIFIED, Trust.KERNEL_REPLAYED) if good else Verdict(VerdictKind.REJECTED)


def test_what_has_no_verdict_is_neither_right_nor_wrong(tmp_path: Path) -> None:
    drawn = [
        Drawn(name="one", digest="", texts=(("by rfl", 3, True), ("by simp", 2, True), ("by om", 1, False))),
        Drawn(name="two", digest="", texts=(("by simp", 4, True), ("by decide", 2, True))),
    ]
    asked = [("one", "by rfl", LIMITS), ("two", "by simp", LIMITS), ("two", "by decide", Limits(heartbeats=8))]
    with VerdictCache(Decided(), tmp_path / "verdicts.jsonl") as verdicts:
        for record in RECORDS:
            for name, text, limits in asked:
                if name == record.name:
                    asyncio.run(verdicts.check(record.theorem, Candidate(text), Terms(limits, record.policy)))
        assert measure(drawn, RECORDS, verdicts, LIMITS) == {
            "theorems": 2,
            "samples": 12,
            "texts": 4,
            "checked": 2,
            "verified_samples": 3,
            "unchecked_samples": 4,
            "unchecked_of_unsolved": 1,
            "solved": ["one"],
        }
