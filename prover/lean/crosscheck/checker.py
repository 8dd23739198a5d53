"""A `Checker` that requires two kernels to accept a proof."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Protocol

from prover.candidate import Candidate
from prover.lean.checker import DEFAULT_TERMS, Terms
from prover.lean.crosscheck.process import KernelOutcome
from prover.lean.crosscheck.second import Opinion, SecondKernel
from prover.lean.runtimes.runtime import RuntimeUnavailableError
from prover.lean.wire.answers import Export, Name
from prover.lean.wire.checks import NoAnswerError
from prover.theorem import Theorem
from prover.verdict import Message, Trust, Verdict, VerdictKind


class Exporter(Protocol):
    """Lean workers that export verified proofs; `WorkerPool` implements it."""

    async def exported(self, theorem: Theorem, candidate: Candidate, terms: Terms) -> tuple[Verdict, Export | None]:
        """Check a proof; if it is verified, its constants come with the verdict."""
        ...

    async def closure(self, theorem: Theorem, names: Sequence[Name], known: Iterable[Name], terms: Terms) -> str:
        """Return library constants with their dependencies, except known ones."""
        ...


class CrossChecker:
    """Checks in a worker that serves no other request, then lets a second kernel check verified proofs."""

    def __init__(self, workers: Exporter, second: SecondKernel) -> None:
        """Create the checker; `workers` must serve no other client."""
        self._workers = workers
        self._second = second

    async def check(self, theorem: Theorem, candidate: Candidate, terms: Terms = DEFAULT_TERMS) -> Verdict:
        """See `Checker.check`. If the second kernel rejects the proof, the verdict is `KERNELS_DISAGREE`; if it cannot
        finish, `OUT_OF_RESOURCES`; if it does not run, nothing is verified.
        """
        verdict, export = await self._workers.exported(theorem, candidate, terms)
        if not verdict.verified or export is None:
            return verdict
        if not export.text:
            return _unverified(verdict, VerdictKind.OUT_OF_RESOURCES, "the proof is too long for the second kernel")

        async def closure(names: Sequence[Name], known: Sequence[Name]) -> str:
            return await self._workers.closure(theorem, names, known, terms)

        try:
            opinion = await self._second.judge(export, closure, terms.limits, theorem.project)
        except (NoAnswerError, RuntimeUnavailableError) as error:
            return _unverified(verdict, VerdictKind.INFRASTRUCTURE, f"the second kernel could not be asked: {error}")
        return _together(replace(verdict, kernel=f"Lean {opinion.kernel}"), export, opinion)


def _together(verdict: Verdict, export: Export, opinion: Opinion) -> Verdict:
    where = "a constant of the library, " if opinion.of_library else ""
    match opinion.outcome:
        case KernelOutcome.RESOURCE:
            return _unverified(
                verdict, VerdictKind.OUT_OF_RESOURCES, f"the second kernel gave up on {where}{opinion.why}"
            )
        case KernelOutcome.REFUSED | KernelOutcome.MALFORMED:
            return _unverified(verdict, VerdictKind.KERNELS_DISAGREE, f"the second kernel refuses {where}{opinion.why}")
    if export.theorem not in opinion.theorems:
        return _unverified(verdict, VerdictKind.KERNELS_DISAGREE, "the second kernel was shown no such theorem")
    unknown = [name for name in map(_dotted, opinion.axioms) if name not in verdict.axioms]
    if unknown:
        return _unverified(
            verdict, VerdictKind.KERNELS_DISAGREE, f"the second kernel was shown a further axiom, {unknown[0]}"
        )
    timing = {**verdict.timing, "crosscheck_ms": opinion.ms}
    return replace(verdict, trust=Trust.CROSS_CHECKED, timing=timing, assumed=export.assumed)


def _unverified(verdict: Verdict, kind: VerdictKind, why: str) -> Verdict:
    messages = (Message("error", why), *verdict.messages)
    return replace(verdict, kind=kind, trust=Trust.ELABORATED, messages=messages)


def _dotted(name: Name) -> str:
    return ".".join(map(str, name))
