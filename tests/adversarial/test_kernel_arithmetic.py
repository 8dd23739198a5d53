"""The kernel's arithmetic, in WebAssembly with words of 32 bits, compared with Python's integers.

A wrong carry would prove `1 = 2` from plain surface syntax, without axiom, option or error.
"""

import math
import random
from collections.abc import Callable

import pytest

from prover.candidate import Candidate
from prover.lean.checker import Terms
from prover.lean.workers.pool import WorkerPool
from prover.theorem import Theorem
from prover.verdict import Limits, Mode

pytestmark = pytest.mark.lean

OPERATIONS: dict[str, Callable[[int, int], int]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: max(0, a - b),
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a // b if b else 0,
    "mod": lambda a, b: a % b if b else a,
    "gcd": math.gcd,
    "land": lambda a, b: a & b,
    "lor": lambda a, b: a | b,
    "xor": lambda a, b: a ^ b,
    "shiftLeft": lambda a, b: a << b % 200,
    "shiftRight": lambda a, b: a >> b % 200,
    "pow": lambda a, b: a ** (b % 20),
}
EDGES = [0, 1, 2, 3, *(2**k + d for k in (31, 32, 33, 63, 64, 65, 96, 128) for d in (-2, -1, 0, 1))]


def facts(chance: random.Random, count: int) -> list[str]:
    """Equations and comparisons between numerals that hold."""
    lines = []
    for _ in range(count):
        a, b = (chance.choice(EDGES) if chance.random() < 0.7 else chance.getrandbits(150) for _ in range(2))
        for name, operation in OPERATIONS.items():
            right = b % 200 if name.startswith("shift") else b % 20 if name == "pow" else b
            lines.append(f"Nat.beq (Nat.{name} {a} {right}) {operation(a, b)} = true")
        lines += [f"Nat.ble {a} {b} = {str(a <= b).lower()}", f"Nat.beq {a} {b} = {str(a == b).lower()}"]
        lines.append(f"Nat.log2 {a + 1} = {(a + 1).bit_length() - 1}")
    return lines


@pytest.mark.parametrize("count", [12, pytest.param(200, marks=pytest.mark.slow)])
async def test_kernel_computes_as_python_does(count: int, lean_pool: WorkerPool) -> None:
    """Each fact is decided by computing; its acceptance rules out acceptance of its negation."""
    lines = [f"theorem fact{i} : {fact} := rfl" for i, fact in enumerate(facts(random.Random(count), count))]
    candidate = Candidate("\n".join([*lines, "theorem all : True := trivial"]), Mode.FILE)
    terms = Terms(Limits(seconds=250, heartbeats=4_000_000))
    verdict = await lean_pool.check(Theorem("theorem all : True"), candidate, terms)
    assert verdict.verified, verdict.messages
