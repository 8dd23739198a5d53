"""Evaluation of learners on held-out theorems, with each kind of help: one row per session, theorem by theorem.

A stopped run resumes with the first incomplete theorem.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from prover.errors import UserError
from prover.tutor.guidance import Guidance, Rules
from training.corpus.proofs import ProvedTheorem
from training.journal import Journal
from training.tutoring.learners.learners import Learner
from training.tutoring.sessions.dialogue import Dialogue, Help
from training.tutoring.sessions.sessions import SessionEnvironment, hold

Report = Callable[[str], None]


class Row(BaseModel):
    """Result of one session; one JSON object per line in a file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    theorem: str
    learner: str
    help: Help
    finished: bool
    steps: int
    own: int
    hints: int
    leaks: int
    false: int
    revisions: int
    fixed: int
    vetoes: dict[str, int]
    reward: float
    levels: tuple[str, ...]
    """Levels of the hints."""
    seconds: tuple[float, ...]
    """Seconds that each answer of the tutor took, or would have taken without cached answers."""


def row_of(dialogue: Dialogue, seconds: Sequence[float]) -> Row:
    """Return the result of a session."""
    hints = dialogue.hints
    raised = [veto for turn in hints for veto in turn.vetoes]
    return Row(
        theorem=dialogue.theorem,
        learner="+".join(dialogue.learners),
        help=dialogue.help,
        finished=dialogue.finished,
        steps=dialogue.steps,
        own=dialogue.own,
        hints=len(hints),
        leaks=sum(turn.leak for turn in dialogue.turns),
        false=dialogue.false,
        revisions=len(raised),
        fixed=sum(turn.fixed for turn in hints),
        vetoes={veto: raised.count(veto) for veto in sorted(set(raised))},
        reward=dialogue.rubric.reward,
        levels=tuple(turn.level for turn in hints),
        seconds=tuple(round(one, 3) for one in seconds),
    )


def guidance_of(help: Help, learnt: Guidance | None) -> Guidance | None:
    """Return the guidance of the tutor's hints; None if there are no hints.

    Raises:
        UserError: a learnt policy is requested, and there is none.
    """
    if help is Help.LEARNT and learnt is None:
        raise UserError("sessions with the learnt tutor need its policy: name one with --policy")
    return {Help.RULES: Rules(), Help.LEARNT: learnt}.get(help)


async def evaluate(
    school: SessionEnvironment,
    cases: Sequence[ProvedTheorem],
    kinds: Sequence[Learner],
    helps: Sequence[Help],
    learnt: Guidance | None,
    out: Path,
    seed: int,
    report: Report,
) -> None:
    """Hold the sessions missing in `out`, and append them.

    Raises:
        UserError: a learnt policy is requested, and there is none.
        ValueError: `out` has other content.
    """
    with Journal(out) as journal:
        rows = [Row.model_validate_json(line) for _, line in journal.lines()]
        done = {(row.theorem, row.learner, row.help) for row in rows}
        for number, case in enumerate(cases, start=1):
            name = case.theorem.name
            wanted = [(kind, help) for help in helps for kind in kinds if (name, kind.kind, help) not in done]
            if not wanted:
                continue
            async with school.board(case) as board:
                for kind, help in wanted:
                    dialogue, seconds = await hold(board, [kind], help, guidance_of(help, learnt), seed)
                    journal.append(row_of(dialogue, seconds).model_dump_json())
                    for turn in dialogue.turns:
                        if turn.false or (turn.leak and help is not Help.PROOF):
                            report(f"{name}, {kind.kind}, {help.value}: {turn.false or 'a leak'}: {turn.text!r}")
            report(f"{number} of {len(cases)}: {name}, {board.answers.asked} new questions to Lean")
