"""Declarations of a context, compared with Lean."""

import pytest

from prover.lean.workers.pool import WorkerPool
from prover.sampling.portfolio.portfolio import PortfolioSampler
from prover.search.search import Budget, Proof, ProofSearch
from prover.source.context.declarations import Declared, declared, scanned
from prover.theorem import Theorem

pytestmark = pytest.mark.lean

CONTEXT = """\
namespace Shapes

inductive Tree where
  | leaf : Tree
  | node : Tree → Tree → Tree
  deriving Repr

private def helper (n : Nat) : Nat := n + 1

def Tree.size : Tree → Nat
  | leaf => 1
  | node l r => l.size + r.size

theorem Tree.pos (t : Tree) : 0 < t.size := by
  induction t <;> simp_all [Tree.size] <;> omega

end Shapes

namespace Open

def twice {α : Type} (f : α → α) (x : α) : α := f (f x)
"""


async def test_names_are_those_by_which_the_statement_can_use_them(lean_pool: WorkerPool) -> None:
    theorem = Theorem("theorem t : twice Nat.succ 0 = 2", context=CONTEXT)
    expected = Declared(
        ("Shapes.helper", "Shapes.Tree.size", "twice"),
        ("Shapes.Tree",),
        ("Shapes.Tree.pos",),
    )
    assert await declared(lean_pool, theorem) == expected
    # The text alone does not say which namespaces are closed.
    assert scanned(theorem).definitions == ("helper", "Tree.size", "twice")


async def test_nothing_is_asked_of_a_context_that_lean_does_not_take(lean_pool: WorkerPool) -> None:
    theorem = Theorem("theorem t : 1 = 1", context="def f : Nat := missing\n")
    assert await declared(lean_pool, theorem) == scanned(theorem) == Declared(("f",))


async def test_definitions_of_a_closed_namespace_are_unfolded(lean_pool: WorkerPool) -> None:
    context = "namespace Counting\n\ndef double (n : Nat) : Nat := n + n\n\nend Counting\n"
    theorem = Theorem("theorem t (n : Nat) : Counting.double n = 2 * n", context=context)
    search = ProofSearch(lean_pool, lean_pool.size).prove(theorem, [[PortfolioSampler(lean_pool)]], Budget(seconds=60))
    proofs = [event async for event in search if isinstance(event, Proof)]
    assert proofs
