"""The theorems of an imported library as statements to prove anew, without using the originals.

A statement is kept only if Lean reads it back as the same type. Check proofs under `guarded(name)`: a proof is
FORBIDDEN if it uses the theorem itself, a theorem of the same type, or a theorem that does not precede it.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from prover.lean.checker import Terms
from prover.lean.wire.library import LibraryTheorem
from prover.lean.workers.jobs import Priority
from prover.lean.workers.lean_pool import LeanPool
from prover.theorem import Header
from prover.verdict import Limits, Policy

_PAGE = 100  # constants per request; a statement takes about ten milliseconds
_TERMS = Terms(Limits(seconds=120.0), priority=Priority.BATCH)  # for one page


@dataclass(frozen=True, slots=True)
class Listed:
    """A theorem and its module."""

    module: str
    theorem: LibraryTheorem


def guarded(name: str) -> Policy:
    """Return the policy under which the library theorem `name` is proved anew."""
    return Policy(name="library", guard=name)


def header_of(patterns: Sequence[str], imports: Sequence[str], always: Sequence[str]) -> Header:
    """Return the header for theorems of these modules: the named imports, or `always` with the roots of the patterns,
    `Mathlib` for `Mathlib.Algebra.*`.
    """
    roots = [root for pattern in patterns if (root := pattern.partition(".")[0]).isidentifier()]
    return Header(tuple(dict.fromkeys(("Init", *(imports or (*always, *roots))))))


async def modules(pool: LeanPool, patterns: tuple[str, ...], header: Header | None = None) -> list[str]:
    """Return the imported modules whose names match one of the shell patterns (`Std.Data.*`), in import order.

    Raises:
        NoAnswerError: Lean could not list them.
    """
    names = await pool.modules(header)
    return [name for name in names if any(fnmatchcase(name, pattern) for pattern in patterns)]


async def theorems(pool: LeanPool, module: str, header: Header | None = None) -> AsyncIterator[Listed]:
    """Yield the theorems of an imported module that can be stated, in no particular order.

    Raises:
        NoAnswerError: Lean could not list them, or the module is not imported.
    """
    offset, constants = 0, 1
    while offset < constants:
        page = await pool.library(module, offset, _PAGE, header, _TERMS)
        for theorem in page.theorems:
            yield Listed(module, theorem)
        offset, constants = offset + _PAGE, page.constants
