"""Filling the `sorry`s of a file, one after the other, each under what then stands before it."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass

from prover.candidate import Candidate
from prover.search import Finished, Proof
from prover.theorem import Theorem
from prover.verdict import Verdict
from service.lean_file import FileTheorem, LeanFile
from service.requests import Check, Event, Search, Service, StatementError


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one theorem of a file: a proof, or why there is none.

    Attributes:
        number: its place in `LeanFile.theorems`.
        verdict: of the statement, if it does not elaborate.
    """

    number: int
    item: FileTheorem
    proof: Proof | None = None
    finished: Finished | None = None
    verdict: Verdict | None = None


async def search(service: Service, request: Search, report: Callable[[Event], None]) -> tuple[list[Proof], Finished]:
    """Run one search to its end.

    Raises:
        UserError: as `Service.prove`.
    """
    proofs: list[Proof] = []
    async with contextlib.aclosing(service.prove(request)) as events:
        async for event in events:
            report(event)
            if isinstance(event, Proof):
                proofs.append(event)
            elif isinstance(event, Finished):
                return proofs, event
    raise RuntimeError("a search ended without its last event")


async def fill(
    service: Service,
    file: LeanFile,
    request: Callable[[Theorem], Search],
    begun: Callable[[FileTheorem], None],
    report: Callable[[Event], None],
) -> tuple[LeanFile, list[Outcome]]:
    """Prove each hole of `file`; the first proof found goes in, and later theorems may use it.

    Args:
        request: makes the search for a theorem.
        begun: told which hole comes next.
        report: told the events of its search.

    Raises:
        UserError: as `Service.prove`, but for a statement that does not elaborate, which is its outcome.
    """
    outcomes: list[Outcome] = []
    for number, item in enumerate(file.theorems):
        if not item.hole:
            continue
        item = file.theorems[number]  # where it stands now
        begun(item)
        try:
            proofs, finished = await search(service, request(file.theorem(item)), report)
        except StatementError as error:
            outcomes.append(Outcome(number, item, verdict=error.verdict))
            continue
        outcomes.append(Outcome(number, item, next(iter(proofs), None), finished))
        if proofs:
            file = file.filled(item, proofs[0].candidate.text)
    return file, outcomes


async def recheck(service: Service, file: LeanFile, outcomes: list[Outcome], like: Search) -> list[FileTheorem]:
    """The theorems that were filled but do not verify in the completed file, read anew: none, if all is well.

    Args:
        like: the search whose limits, policy and trust are used.

    Raises:
        UserError: as `Service.check`.
    """
    failed: list[FileTheorem] = []
    for outcome in outcomes:
        if outcome.proof is None:
            continue
        item = file.theorems[outcome.number]
        candidate = Candidate(file.proof(item), source=outcome.proof.candidate.source)
        verdict = await service.check(Check(file.theorem(item), candidate, like.limits, like.policy, like.trust))
        if not verdict.verified or item.name != outcome.item.name:
            failed.append(item)
    return failed
