"""What the service is asked and what it answers, the same in this process (`Engine`) and across gRPC (`Client`)."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from prover.assistance.suggest import Suggest, Suggestions
from prover.candidate import Candidate
from prover.errors import UserError
from prover.lean.workers.jobs import Priority
from prover.options import Budget, CheckOptions, SearchOptions
from prover.premises.query import Premises, QueryResult
from prover.sampling.sampler import ReplicaStatus
from prover.search.search import Finished, Minimised, Progress, Proof
from prover.theorem import Theorem
from prover.tutor.hints import Tutored, Tutoring
from prover.verdict import Limits, Region, Trust, Verdict, VerdictKind

_STATEMENT_FAULTS = {
    VerdictKind.INVALID_STATEMENT: "does not elaborate",
    VerdictKind.FORBIDDEN: "needs what is not allowed",
    VerdictKind.TIMEOUT: "did not elaborate in time",
    VerdictKind.OUT_OF_RESOURCES: "takes too much to elaborate",
}


class StatementError(UserError):
    """The theorem cannot be searched because Lean does not take its statement; `verdict` holds Lean's messages."""

    def __init__(self, verdict: Verdict) -> None:
        """Say what Lean said first, and where."""
        first = next((message for message in verdict.messages if message.severity == "error"), None)
        where = f" at {first.region.value} {first.line}:{first.column}" if first else ""
        # Lean's notes follow its first line; they are in the verdict.
        reason = first.text.partition("\n")[0] if first else verdict.kind.name
        fault = f"the statement {_STATEMENT_FAULTS.get(verdict.kind, 'was not taken')}"
        if first is not None and first.region is Region.CANDIDATE:
            fault = "the proof up to there was not taken"
        super().__init__(f"{fault}{where}: {reason}")
        self.verdict = verdict


class UnavailableError(UserError):
    """The request is valid; a retry may succeed, after `seconds` if that is known."""

    def __init__(self, text: str, seconds: float | None = None) -> None:
        """Keep the delay."""
        super().__init__(text)
        self.seconds = seconds


class GoneError(UnavailableError):
    """The server cannot be reached."""


class BusyError(UnavailableError):
    """The service is at capacity; retry after `seconds`."""

    def __init__(self, text: str, seconds: float = 1.0) -> None:
        """Keep the delay."""
        super().__init__(text)
        self.seconds: float = seconds


class LateError(BusyError):
    """The deadline of the request passed before there was an answer."""


class RefusedError(UserError):
    """The service is not configured for the request; the same request may succeed after that has changed."""


@dataclass(frozen=True, slots=True)
class Check:
    """A proof to check."""

    theorem: Theorem
    candidate: Candidate
    options: CheckOptions = field(default_factory=CheckOptions)


@dataclass(frozen=True, slots=True)
class Search:
    """A theorem to prove."""

    theorem: Theorem
    options: SearchOptions = field(default_factory=SearchOptions)


@dataclass(frozen=True, slots=True)
class Accepted:
    """The first event of a search: its statement elaborates.

    Attributes:
        goal: the goal with its hypotheses, as Lean prints it.
        log_id: how the server's log names the search; empty in this process.
    """

    goal: str
    log_id: str = ""


Event = Accepted | Progress | Proof | Minimised | Finished


@dataclass(frozen=True, slots=True)
class Bounds:
    """Limits of a check and budget of a search."""

    limits: Limits
    budget: Budget

    def options(self, priority: Priority = Priority.INTERACTIVE) -> SearchOptions:
        """Those of a search that says nothing else; its checks have those of a check that says nothing."""
        return SearchOptions(self.budget, CheckOptions(self.limits, priority=priority))


@dataclass(frozen=True, slots=True)
class CoverageCurve:
    """Share of theorems solved by number of samples (pass@k), by growing k, measured at one temperature."""

    temperature: float
    points: tuple[tuple[int, float], ...]
    benchmark: str


class ModelState(StrEnum):
    """Whether a model can be asked."""

    SERVED = "served"
    LOADING = "loading"
    """A search that names it waits for it, as long as its budget allows."""
    FAILED = "failed"
    """It could not be loaded, or its server is gone: searches that name it are refused."""


@dataclass(frozen=True, slots=True)
class ServedModel:
    """Weights that propose proofs.

    Attributes:
        alpha: of the run that tuned them; None for a base.
        digest: SHA-256 of the weights, empty if it is not known.
        problem: why it has failed.
        replicas: of its engine, where that is on hosts of a cluster.
    """

    name: str
    alpha: float | None = None
    curves: tuple[CoverageCurve, ...] = ()
    digest: str = ""
    state: ModelState = ModelState.SERVED
    problem: str = ""
    replicas: tuple[ReplicaStatus, ...] = ()


@dataclass(frozen=True, slots=True)
class Load:
    """What the Lean workers are doing: how many are idle and busy, and how many requests wait for one."""

    idle: int = 0
    busy: int = 0
    queued: int = 0


@dataclass(frozen=True, slots=True)
class HostInfo:
    """A machine of a cluster whose Lean workers check.

    Attributes:
        workers: kept there; 0 until it has said so.
        live: those of them that are up.
        in_work: questions to Lean that it has in work.
        problem: why no worker is up, as far as known.
    """

    name: str
    workers: int
    live: int
    in_work: int
    problem: str = ""


@dataclass(frozen=True, slots=True)
class ServiceInfo:
    """What checks and samples here.

    Attributes:
        version: of leansieve.
        lean: version of Lean.
        runtime: `embedded` or `native`.
        workers: most checks at once.
        samplers: by name, the default first.
        strategies: by name, the default first.
        models: that requests may name.
        store: whether proofs are stored, and batches taken.
        default: what requests get if they do not say.
        maximum: the most they may ask for.
        worker: version of the program that checks; empty where it is not told.
        projects: Lean projects that theorems may name, with the version of their Lean; empty until one was asked for.
        load: at this moment.
        hosts: of a cluster; empty where this process has its own workers alone.
    """

    version: str
    lean: str
    runtime: str
    workers: int
    samplers: tuple[str, ...]
    policies: tuple[str, ...]
    highest_trust: Trust
    default: Bounds
    maximum: Bounds
    strategies: tuple[str, ...] = ()
    models: tuple[ServedModel, ...] = ()
    store: bool = False
    worker: str = ""
    projects: Mapping[str, str] = field(default_factory=dict)
    load: Load = Load()
    hosts: tuple[HostInfo, ...] = ()


class Service(Protocol):
    """Who answers: `Engine` in this process, `Client` for a server."""

    async def check(self, request: Check) -> Verdict:
        """Check a proof.

        Raises:
            InputError: policy, limits or trust are not on offer.
            BusyError: the service is full.
            UnavailableError: the service is gone or broken.
        """
        ...

    def prove(self, request: Search) -> AsyncGenerator[Event, None]:
        """Search proofs: `Accepted`, then proofs and progress, then `Finished`. Closing the generator ends the search.

        Raises:
            StatementError: Lean does not take the statement.
            InputError: policy, limits, trust or sampler are not on offer.
            BusyError: the service is full.
            UnavailableError: the service is gone or broken.
        """
        ...

    async def suggest(self, request: Suggest) -> Suggestions:
        """Tactics for a place in a proof, each tried there in Lean.

        Raises:
            StatementError: Lean does not take the theorem, or the proof up to there.
            InputError: there is no such place; policy, limits or sampler are not on offer.
            BusyError: the service is full.
            UnavailableError: the service is gone or broken.
        """
        ...

    async def hint(self, request: Tutoring) -> Tutored:
        """One hint more for a learner's half proof, backed by a verified proof that goes on from it.

        Raises:
            StatementError: Lean does not take the theorem.
            InputError: policy or limits are not on offer.
            BusyError: the service is full.
            UnavailableError: the service is gone or broken.
        """
        ...

    async def premises(self, request: Premises) -> QueryResult:
        """Declarations of the imported library that fit a name, a pattern or a goal.

        Raises:
            InputError: the query cannot be read.
            StatementError: Lean does not take the goal.
            BusyError: the library is being read for the first time, or the service is full.
            UnavailableError: the service is gone or broken.
        """
        ...

    async def info(self) -> ServiceInfo:
        """What this service is."""
        ...

    async def reload(self) -> tuple[ServedModel, ...]:
        """Take in new weights; what is served then.

        Raises:
            RefusedError: they cannot be used, or there is no model; what was served is served on.
            UnavailableError: the service is gone or broken.
        """
        ...
