"""The theorems of an imported library as statements to prove, and how to prove them without using them.

A statement is kept only if Lean reads it back as the same type. Proofs are to be checked under `guarded(name)`: one that
uses the theorem itself, a theorem of the same type, or one that does not stand before it is FORBIDDEN.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from prover.lean.checker import Terms
from prover.lean.wire.answers import LibraryTheorem
from prover.lean.workers.lean_pool import LeanPool
from prover.lean.workers.pool import Priority
from prover.theorem import Header
from prover.verdict import Limits, Policy

_PAGE = 100  # constants a request; a statement takes some ten milliseconds
_TERMS = Terms(Limits(seconds=120.0), priority=Priority.BATCH)  # of one page


@dataclass(frozen=True, slots=True)
class Listed:
    """A theorem and the module that it stands in."""

    module: str
    theorem: LibraryTheorem


def guarded(name: str) -> Policy:
    """The policy under which the library theorem `name` is proved anew."""
    return Policy(name="library", guard=name)


def header_of(patterns: Sequence[str], imports: Sequence[str], always: Sequence[str]) -> Header:
    """What theorems of these modules stand under: the named imports, or `always` with the roots of the patterns: `Mathlib` of
    `Mathlib.Algebra.*`.
    """
    roots = [root for pattern in patterns if (root := pattern.partition(".")[0]).isidentifier()]
    return Header(tuple(dict.fromkeys(("Init", *(imports or (*always, *roots))))))


async def modules(pool: LeanPool, patterns: tuple[str, ...], header: Header | None = None) -> list[str]:
    """The imported modules whose name fits one of the shell patterns (`Std.Data.*`), in the order of their imports.

    Raises:
        NoAnswerError: Lean could not list them.
    """
    names = await pool.modules(header)
    return [name for name in names if any(fnmatchcase(name, pattern) for pattern in patterns)]


async def theorems(pool: LeanPool, module: str, header: Header | None = None) -> AsyncIterator[Listed]:
    """The theorems of an imported module that can be stated, in no particular order.

    Raises:
        NoAnswerError: Lean could not list them, or the module is not imported.
    """
    offset, constants = 0, 1
    while offset < constants:
        page = await pool.library(module, offset, _PAGE, header, _TERMS)
        for theorem in page.theorems:
            yield Listed(module, theorem)
        offset, constants = offset + _PAGE, page.constants
