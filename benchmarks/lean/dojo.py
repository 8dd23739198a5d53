"""Compares LeanDojo with the worker: the same tactics and the same proofs in both, in one run.

    python -m benchmarks.lean.dojo --python DOJO/bin/python [--rounds 3] [--json dojo.json]

`--python` is an interpreter with lean-dojo 4.20.0. It uses the embedded Lean through an emulated Lean4Repl, which runs the
script before each tactic again, as the workers do; the difference is therefore LeanDojo's own cost. A native Lean4Repl keeps its
states instead, and starts `lake env lean` on a file with all imports.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console

from benchmarks.lean.lean_pool import show
from benchmarks.lean.paths import spread

sys.path.insert(0, str(Path(__file__).parents[2]))  # the emulation belongs to the tests

from prover.candidate import Candidate
from prover.lean.checker import Checker, Terms
from prover.lean.runtimes.dojo import DojoPool
from prover.lean.runtimes.embedded import EmbeddedLean
from prover.lean.workers.pool import PoolConfig, WorkerPool
from prover.search.stepper import Stepper, WorkerStepper
from prover.theorem import Theorem
from prover.verdict import Limits
from tests.prover.lean.runtimes.dojo.emulation import emulate

T = TypeVar("T")

TERMS = Terms(Limits(seconds=120))
SCRIPTS = {
    "theorem both (a b : Nat) (h : a < b) : a + 1 ≤ b ∧ True": ["constructor", "omega", "trivial"],
    "theorem swap (p q : Prop) (h : p ∧ q) : q ∧ p": ["constructor", "exact h.2", "exact h.1"],
    "theorem zero (n : Nat) : 0 + n = n": ["induction n", "rfl", "omega"],
    "theorem some_square : ∃ n : Nat, n * n = 49": ["refine ⟨7, ?_⟩", "decide"],
    "theorem either (p q : Prop) (h : p ∨ q) : q ∨ p": ["cases h", "right; assumption", "left; assumption"],
    "theorem sum (a b c : Nat) : a + b + c = c + b + a": ["omega"],
}
"""Theorems and the tactics that prove them, one after the other."""


async def timed(work: Awaitable[T], into: list[float]) -> T:
    """Await some work, append its milliseconds to `into`, and return its result."""
    began = time.perf_counter()
    result = await work
    into.append(1000 * (time.perf_counter() - began))
    return result


async def stepped(stepper: Stepper, first: list[float], steps: list[float]) -> None:
    """Run every script, tactic by tactic."""
    for statement, script in SCRIPTS.items():
        async with stepper.open(Theorem(statement), TERMS) as session:
            state = (await timed(session.begin(), first)).state
            for tactic in script:
                assert state is not None, (statement, tactic)
                state = (await timed(session.run(state, tactic), steps)).state
            assert state is not None
            assert state.goals == (), statement


async def checked(checker: Checker, checks: list[float]) -> None:
    """Check every script as a whole proof."""
    for statement, script in SCRIPTS.items():
        proof = Candidate("\n  ".join(["by", *script]))
        assert (await timed(checker.check(Theorem(statement), proof, TERMS), checks)).verified, statement


async def fresh(statement: str) -> None:
    """Get a goal from a worker started for it, like the Lean of a Dojo."""
    async with WorkerPool(EmbeddedLean(), PoolConfig(workers=1, spares=0)) as pool:
        assert (await pool.elaborate(Theorem(statement), TERMS)).goal


async def measure(python: Path, rounds: int) -> dict[str, Any]:
    """Measure both in turns."""
    times: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        dojo = DojoPool(emulate(Path(folder), python, script="lean_repl_stand_in.py", python=Path(sys.executable)))
        async with WorkerPool(EmbeddedLean(), PoolConfig(workers=1, spares=0)) as pool:
            await checked(pool, [])  # warm
            for _ in range(rounds):
                for statement in SCRIPTS:
                    await timed(fresh(statement), times.setdefault("fresh worker: first goal", []))
                for name, stepper, checker in (
                    ("worker", WorkerStepper(pool), pool),
                    ("dojo", dojo, dojo.before(pool)),
                ):
                    first, steps, checks = (
                        times.setdefault(f"{name}: {what}", []) for what in ("first goal", "tactic", "check")
                    )
                    await stepped(stepper, first, steps)
                    await checked(checker, checks)
    return {f"{what} (ms)": spread(values) | {"n": len(values)} for what, values in times.items()}


def main() -> None:
    """Run the benchmark and report its figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    result = asyncio.run(measure(arguments.python.absolute(), arguments.rounds))
    show(result, Console())
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
