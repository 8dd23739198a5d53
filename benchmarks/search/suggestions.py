"""Counts false labels of suggested tactics: a closing tactic must give a proof, any other must leave the goals shown.

    python -m benchmarks.search.suggestions [--suggestions 500] [--log suggestions.jsonl]

Places are the goals of the textbook theorems (benchmarks/textbook.jsonl), the same goals without their hypotheses (most of
them false), and the goals after a first step. Every label is compared with a check that the suggester does
not make: a closing tactic must prove the goal, stated as a theorem; any other must leave exactly the
goals shown, without an error. Theorems are processed until there are enough suggestions; those in
--log are not measured again.
"""

import argparse
import asyncio
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TextIO

from prover.assistance.place import find
from prover.assistance.suggest import PrintedGoal, Suggest, Suggestion, TacticOutcome, TacticScript
from prover.assistance.suggester import Suggester
from prover.candidate import Candidate
from prover.errors import UserError
from prover.lean.checker import Terms
from prover.lean.runtimes.embedded import EmbeddedLean
from prover.lean.workers.pool import PoolConfig, WorkerPool
from prover.sampling.sampler import SamplingParams
from prover.theorem import Header, Theorem
from prover.verdict import Limits, VerdictKind

TEXTBOOK = Path(__file__).resolve().parents[1] / "textbook.jsonl"
TERMS = Terms(Limits(seconds=10.0))
_HYPOTHESIS = re.compile(r" \((\w+ )+: [^()]*[=<>≤≥≠∣∧∨→↔¬∃∀%](?:[^()]|\([^()]*\))*\)")


def main() -> None:
    """Measure what is not in the log; print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suggestions", type=int, default=500, help="minimum number of suggestions")
    parser.add_argument("--log", type=Path, default=Path("suggestions.jsonl"), help="file of measurements")
    options = parser.parse_args()
    rows = [json.loads(line) for line in options.log.read_text().splitlines()] if options.log.exists() else []
    with options.log.open("a") as file:
        rows += asyncio.run(measure(options.suggestions - len(rows), {row["place"] for row in rows}, file))
    for outcome in TacticOutcome:
        some = [row for row in rows if row["outcome"] == outcome]
        print(f"{outcome}: {len(some)}, false {sum(not row['true'] for row in some)}")
    for row in rows:
        if not row["true"]:
            print("false:", row)


async def measure(wanted: int, done: set[str], file: TextIO) -> list[dict[str, object]]:
    """Measure so many suggestions at new places; each row is written at once."""
    rows: list[dict[str, object]] = []
    async with WorkerPool(EmbeddedLean(), PoolConfig(workers=1, spares=0)) as pool:
        for name, state in places():
            if len(rows) >= wanted:
                break
            if name in done:
                continue
            try:
                found = await Suggester(pool, Suggest(state, most=64, seconds=60.0), TERMS).suggest(
                    True, None, SamplingParams()
                )
            except UserError:
                continue  # a goal that does not elaborate without its hypotheses
            for one in found.suggestions:
                row = {"place": name, "tactic": one.tactic, "outcome": one.outcome.value}
                row["true"] = await holds(pool, state, found.goals, one)
                rows.append(row)
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
                file.flush()
    return rows


def places() -> Iterator[tuple[str, TacticScript]]:
    """Names and states."""
    for number, line in enumerate(TEXTBOOK.read_text(encoding="utf-8").splitlines()):
        row = json.loads(line)
        theorem = Theorem(row["statement"], Header(), row.get("context", ""))
        yield f"{number}", TacticScript(theorem)
        bare = _HYPOTHESIS.sub("", theorem.statement)
        if bare != theorem.statement:
            yield f"{number} without hypotheses", TacticScript(replace(theorem, statement=bare))
        for step in ("constructor", "intro x"):
            yield f"{number} behind {step}", TacticScript(theorem, (step,))


async def holds(pool: WorkerPool, state: TacticScript, goals: tuple[str, ...], one: Suggestion) -> bool:
    """Return whether the label is true."""
    if one.outcome is TacticOutcome.CLOSES_GOAL:
        place = find(PrintedGoal(goals[0], context=state.theorem.context))
        verdict = await pool.check(place.theorem, Candidate(place.with_tactic(one.tactic)), TERMS)
        return verdict.verified
    script = [*state.script, *one.tactic.split("\n"), "all_goals sorry"]
    looked = await pool.goals(state.theorem, "by\n" + "\n".join(f"  {line}" for line in script), TERMS)
    left = tuple(goal for sorry in looked.sorries[-1:] for goal in sorry.goals)
    clean = looked.verdict is VerdictKind.VERIFIED and all(each.severity != "error" for each in looked.messages)
    # A tactic may also close later goals, as `rw` does when it finds a value for `?w`.
    return clean and left[: len(one.goals)] == one.goals and set(left[len(one.goals) :]) <= set(goals[1:])


if __name__ == "__main__":
    main()
