"""Checks of a part of a file in the context of the text above it. Commands above that Lean rejects are left out and reported, so that
errors stay local.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from prover.candidate import Candidate
from prover.options import CheckOptions
from prover.requests import Check, Service, StatementError
from prover.source import scanner
from prover.source.faults import Fault, below_faults, unproved_dependencies
from prover.source.lean_file import LeanFile
from prover.source.scanner import Command
from prover.verdict import Verdict

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Judged:
    """The verdict on a command.

    Attributes:
        check: the last request.
        file: the file without the rejected commands above.
        faults: the newly found rejected commands above.
    """

    verdict: Verdict
    check: Check
    file: LeanFile
    faults: tuple[Fault, ...]


async def judge(
    service: Service, file: LeanFile, item: Command, options: CheckOptions, candidate: Candidate | None = None
) -> Judged:
    """Check a command of a file with its own proof or another `candidate`.

    Raises:
        UserError: as `Service.check`.
    """
    faults: list[Fault] = []
    while True:
        check = Check(file.theorem(item), candidate or file.candidate(item), options)
        verdict = await service.check(check)
        below = below_faults(file, verdict)
        if below is None:
            return Judged(verdict, check, file, tuple(faults))
        file, found = below
        faults += found


async def unproved_above(service: Service, file: LeanFile, item: Command, options: CheckOptions) -> Verdict | None:
    """Return the verdict on an open theorem whose statement depends on something unproved above it, so that no proof of it
    is accepted, with the messages that name it; None if it depends on nothing unproved.

    Raises:
        UserError: as `Service.check`.
    """
    if not file.fallen and not scanner.SORRY.search(file.code, file.body, item.start):
        return None
    verdict = await service.check(Check(file.theorem(item), file.candidate(item), options))
    messages = unproved_dependencies(verdict)
    return replace(verdict, messages=messages) if messages else None


async def despite_faults(
    file: LeanFile, ask: Callable[[LeanFile], Awaitable[T]]
) -> tuple[T, LeanFile, tuple[Fault, ...]]:
    """Return the answer to a question about a place in a file, the file without the rejected commands above, and these.

    Args:
        file: the file.
        ask: asks about the place in a file; StatementError makes it ask again without the commands above that it blames.

    Raises:
        UserError: as `ask`.
    """
    faults: list[Fault] = []
    while True:
        try:
            return await ask(file), file, tuple(faults)
        except StatementError as error:
            below = below_faults(file, error.verdict)
            if below is None:
                raise
            file, found = below
            faults += found
