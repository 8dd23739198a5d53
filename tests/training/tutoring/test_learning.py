"""A policy learns from sessions, and a run that was killed goes on bit for bit. The sessions are made up here: what is real is what learns."""

import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from prover.tutor.guidance import OPENING_FEATURES, OPENINGS, LearnerState, load_guidance
from prover.tutor.hints import Level
from prover.tutor.proofs.moves import Outline, ProofMove
from prover.tutor.proofs.routes import Route
from prover.verdict import Trust
from training.corpus.proofs import ProvedTheorem
from training.corpus.record import TheoremRecord
from training.tutoring import learning
from training.tutoring.learners.learners import Learner, learners
from training.tutoring.sessions.dialogue import Dialogue, Help, rubric

CASE = ProvedTheorem(theorem=TheoremRecord(name="t", statement="theorem t : True"), proofs=("by trivial",))
KINDS = [learner for learner in learners().values() if not learner.held_out]


class NoSchool:
    """Boards that nothing is asked of."""

    @contextlib.asynccontextmanager
    async def board(self, case: ProvedTheorem) -> AsyncIterator[None]:
        yield None


async def made_up(
    board: object, learners: Sequence[Learner], help: Help, guidance: learning.Drawing, seed: int
) -> tuple[Dialogue, list[float]]:
    """A session that is worth most if the tutor begins with a name."""
    move = ProofMove("simp", "simp", 0, 4, 0, ("⊢ p",), (), 1, 0, (), 0, False)
    route = Route(Outline("", (), (), ()), (move,), Trust.KERNEL_REPLAYED)
    opened = guidance.opening(LearnerState((route,), (), False, ()), route)
    own = 4 if opened is Level.NAME else OPENINGS.index(opened)
    worth = rubric((), 1.0, True, 4, own)
    kinds = tuple(learner.kind for learner in learners)
    values = {"theorem": "t", "learners": kinds, "help": help, "seed": seed, "turns": (), "proof": "by simp"}
    return Dialogue(**values, finished=True, steps=4, own=own, progress=1.0, rubric=worth), []


async def learnt(folder: Path, steps: int) -> Path:
    how = learning.Learning(steps=steps, groups=3, sessions=6, learning_rate=0.2)
    await learning.learn(NoSchool(), [CASE], KINDS, how, folder, lambda line: None)  # type: ignore[arg-type]
    return folder / "policy.json"


async def test_a_policy_learns_what_is_worth_most_and_goes_on_bit_for_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learning, "hold", made_up)
    whole = await learnt(tmp_path / "whole", 12)
    await learnt(tmp_path / "cut", 5)
    cut = await learnt(tmp_path / "cut", 12)
    assert cut.read_bytes() == whole.read_bytes()
    assert (tmp_path / "cut" / "metrics.jsonl").read_bytes() == (tmp_path / "whole" / "metrics.jsonl").read_bytes()
    openings = json.loads(whole.read_text())["openings"]
    assert max(openings, key=lambda level: openings[level]["bias"]) == "name"
    assert len(load_guidance(str(whole)).openings[0]) == len(OPENING_FEATURES)  # type: ignore[attr-defined]


async def test_a_run_with_other_settings_is_not_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "hold", made_up)
    await learnt(tmp_path, 1)
    other = learning.Learning(steps=2, groups=4, sessions=6)
    with pytest.raises(ValueError, match="other settings"):
        await learning.learn(NoSchool(), [CASE], KINDS, other, tmp_path, print)  # type: ignore[arg-type]
