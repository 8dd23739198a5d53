"""A corpus of dialogues: sessions of one learner, or of several who share a proof, one JSON object per line."""

from collections.abc import Sequence
from pathlib import Path
from random import Random

from prover.tutor.guidance import Guidance
from training.corpus.proofs import ProvedTheorem
from training.journal import Journal
from training.tutoring.evaluation import Report
from training.tutoring.learners.learners import Learner
from training.tutoring.sessions.dialogue import Dialogue, Help
from training.tutoring.sessions.sessions import SessionEnvironment, hold

_MOST_TOGETHER = 4


async def converse(
    school: SessionEnvironment,
    cases: Sequence[ProvedTheorem],
    kinds: Sequence[Learner],
    help: Help,
    guidance: Guidance | None,
    sessions: int,
    out: Path,
    seed: int,
    report: Report,
) -> None:
    """Hold some sessions for each theorem, every second one with several learners, and append those missing in `out`.

    Raises:
        ValueError: `out` has other content.
    """
    with Journal(out) as journal:
        rows = [Dialogue.model_validate_json(line) for _, line in journal.lines()]
        done = {(row.theorem, row.learners, row.help, row.seed) for row in rows}
        for number, case in enumerate(cases, start=1):
            name = case.theorem.name
            wanted = []
            for which in range(sessions):
                random = Random(f"{seed}/{name}/{which}")
                count = min(random.randint(2, _MOST_TOGETHER), len(kinds)) if which % 2 else 1
                learners = random.sample(list(kinds), count)
                if (name, tuple(one.kind for one in learners), help, seed + which) not in done:
                    wanted.append((learners, seed + which))
            if wanted:
                async with school.board(case) as board:
                    for learners, drawn in wanted:
                        dialogue, _ = await hold(board, learners, help, guidance, drawn)
                        journal.append(dialogue.model_dump_json(exclude_defaults=True))
            report(f"{number} of {len(cases)}: {name}")
