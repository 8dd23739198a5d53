"""Sessions with a real Lean and the real tutor."""

from pathlib import Path

import pytest

from prover.lean.workers.pool import WorkerPool
from prover.tutor.guidance import Rules
from service.core.engine import Engine
from service.ops.config import Settings
from training.corpus.proofs import ProvedTheorem
from training.corpus.record import TheoremRecord
from training.tutoring.learners.learners import learners
from training.tutoring.sessions.dialogue import Help
from training.tutoring.sessions.sessions import SessionEnvironment, hold

pytestmark = pytest.mark.lean

CASE = ProvedTheorem(
    theorem=TheoremRecord(name="swap", statement="theorem swap (p q : Prop) (h : p ∧ q) : q ∧ p"),
    proofs=("by\n  constructor\n  · exact h.2\n  · exact h.1",),
)


async def test_a_session_is_read_by_lean_and_the_same_again_from_what_was_kept(
    lean_pool: WorkerPool, tmp_path: Path
) -> None:
    engine = Engine(Settings(), lean_pool)
    await engine.start()
    school = SessionEnvironment(engine, tmp_path)
    kinds = learners()
    together = [kinds["silent"], kinds["cautious"]]
    async with school.board(CASE) as board:
        first, seconds = await hold(board, together, Help.RULES, Rules(), 1)
        alone, _ = await hold(board, [kinds["cautious"]], Help.ERRORS, None, 1)
        shown, _ = await hold(board, [kinds["silent"]], Help.PROOF, None, 1)
    async with school.board(CASE) as board:
        again, _ = await hold(board, together, Help.RULES, Rules(), 1)
        assert board.answers.asked == 0
    assert again == first
    assert first.finished
    assert first.hints
    assert len(seconds) == sum(turn.who == "tutor" for turn in first.turns)
    assert not first.rubric.veto, "hints neither leak nor lie"
    assert not alone.hints
    assert (shown.finished, shown.own, shown.rubric.veto) == (True, 0, True)
