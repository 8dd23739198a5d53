"""Lean's answers are requested once, and stored across processes."""

from pathlib import Path

from prover.verdict import Trust, Verdict, VerdictKind
from training.tutoring.sessions.remembered import RememberedAnswers


class Asked:
    """Gives one verdict, and counts."""

    def __init__(self, kind: VerdictKind) -> None:
        self.kind = kind
        self.times = 0

    async def __call__(self) -> Verdict:
        self.times += 1
        return Verdict(self.kind, Trust.KERNEL_REPLAYED, axioms=("propext",), timing={"total_ms": 1.5})


async def test_an_answer_is_kept_for_the_next_process(tmp_path: Path) -> None:
    asked = Asked(VerdictKind.VERIFIED)
    with RememberedAnswers(tmp_path / "answers.jsonl") as answers:
        first = await answers.get(("check", "x"), Verdict, asked)
        assert await answers.get(("check", "x"), Verdict, asked) == first
    with RememberedAnswers(tmp_path / "answers.jsonl") as answers:
        assert await answers.get(("check", "x"), Verdict, asked) == first
        assert (asked.times, answers.asked) == (1, 0)
        await answers.get(("check", "y"), Verdict, asked)
        assert (asked.times, answers.asked) == (2, 1)


async def test_an_answer_for_want_of_time_is_asked_for_again(tmp_path: Path) -> None:
    asked = Asked(VerdictKind.TIMEOUT)
    with RememberedAnswers(tmp_path / "answers.jsonl") as answers:
        await answers.get(("check", "x"), Verdict, asked)
        await answers.get(("check", "x"), Verdict, asked)
    assert asked.times == 2
