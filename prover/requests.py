"""Requests and answers of the service, the same in this process (`Engine`) and over gRPC (`Client`)."""

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
    VerdictKind.FORBIDDEN: "needs something forbidden",
    VerdictKind.TIMEOUT: "did not elaborate in time",
    VerdictKind.OUT_OF_RESOURCES: "takes too much to elaborate",
}


class StatementError(UserError):
    """Lean rejects the statement of the theorem, so that it cannot be searched; `verdict` holds Lean's messages."""

    def __init__(self, verdict: Verdict) -> None:
        """Build the text from Lean's first message and its position."""
        first = next((message for message in verdict.messages if message.severity == "error"), None)
        where = f" at {first.region.value} {first.line}:{first.column}" if first else ""
        # The first line suffices: Lean's notes follow it, and the verdict holds them.
        reason = first.text.partition("\n")[0] if first else verdict.kind.name
        fault = f"the statement {_STATEMENT_FAULTS.get(verdict.kind, 'was not taken')}"
        if first is not None and first.region is Region.CANDIDATE:
            fault, where = "the proof up to there was not taken", f" at {first.line}:{first.column}"
        super().__init__(f"{fault}{where}: {reason}")
        self.verdict = verdict


class UnavailableError(UserError):
    """The service cannot answer now; the request is valid and may succeed later, after `seconds` if known."""

    def __init__(self, text: str, seconds: float | None = None) -> None:
        """Store the message and the delay in seconds."""
        super().__init__(text)
        self.seconds = seconds


class GoneError(UnavailableError):
    """The server cannot be reached."""


class BusyError(UnavailableError):
    """The service is at capacity; retry after `seconds`."""

    def __init__(self, text: str, seconds: float = 1.0) -> None:
        """Store the message and the delay in seconds."""
        super().__init__(text)
        self.seconds: float = seconds


class LateError(BusyError):
    """The request's deadline passed before an answer was ready."""


class RefusedError(UserError):
    """The service is not configured for this request; after a change of its configuration the request may succeed."""


@dataclass(frozen=True, slots=True)
class Check:
    """A request to check a proof."""

    theorem: Theorem
    candidate: Candidate
    options: CheckOptions = field(default_factory=CheckOptions)


@dataclass(frozen=True, slots=True)
class Search:
    """A request to search proofs of a theorem."""

    theorem: Theorem
    options: SearchOptions = field(default_factory=SearchOptions)


@dataclass(frozen=True, slots=True)
class Accepted:
    """Before all events but `Starting`: Lean accepts the statement.

    Attributes:
        goal: the goal with its hypotheses, as Lean prints it.
        log_id: identifier of the search in the server's log; empty in this process.
    """

    goal: str
    log_id: str = ""


@dataclass(frozen=True, slots=True)
class Starting:
    """Before `Accepted`: the statement waits for Lean to start for its imports or its code.

    Attributes:
        activity: what is being done, as a clause for users.
        seconds: time since the search was requested.
    """

    activity: str
    seconds: float


Event = Starting | Accepted | Progress | Proof | Minimised | Finished


@dataclass(frozen=True, slots=True)
class Bounds:
    """Limits of a check and budget of a search, used as defaults and maxima."""

    limits: Limits
    budget: Budget

    def options(self, priority: Priority = Priority.INTERACTIVE) -> SearchOptions:
        """Return search options with these limits and this budget; every other option has its default."""
        return SearchOptions(self.budget, CheckOptions(self.limits, priority=priority))


@dataclass(frozen=True, slots=True)
class CoverageCurve:
    """Share of theorems solved by number of samples (pass@k), in order of increasing k, measured at one temperature."""

    temperature: float
    points: tuple[tuple[int, float], ...]
    benchmark: str


class ModelState(StrEnum):
    """Availability of a model."""

    SERVED = "served"
    LOADING = "loading"
    """A search that names the model waits for it within its budget."""
    FAILED = "failed"
    """Loading failed or the model's server is gone; searches that name the model are refused."""


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model that proposes proofs.

    Attributes:
        alpha: α of the training run; None for a base model.
        digest: SHA-256 of the weights; empty if unknown.
        problem: reason of the failure, if the state is `FAILED`.
        replicas: the replicas of its engine on hosts of a cluster.
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
    """Load of the Lean workers: numbers of idle and busy workers and of queued requests."""

    idle: int = 0
    busy: int = 0
    queued: int = 0


@dataclass(frozen=True, slots=True)
class HostInfo:
    """A machine of a cluster that runs Lean workers.

    Attributes:
        workers: configured number of workers; 0 until the host has reported it.
        live: number of running workers.
        in_work: number of questions in progress.
        problem: reason why no worker runs, if known.
    """

    name: str
    workers: int
    live: int
    in_work: int
    problem: str = ""


@dataclass(frozen=True, slots=True)
class ServiceInfo:
    """Versions, models, limits and load of a service.

    Attributes:
        version: version of leansieve.
        lean: version of Lean.
        runtime: `embedded` or `native`.
        workers: maximum number of concurrent checks.
        samplers: names of samplers, the default first.
        strategies: names of strategies, the default first.
        models: models that requests may name.
        store: whether the service stores proofs and accepts batches.
        default: limits of requests that specify none.
        maximum: largest limits that requests may ask for.
        worker: version of the worker program; empty if unknown.
        projects: Lean projects that theorems may name, with their Lean versions; a version is empty until the project
            is first used.
        load: current load of the workers.
        hosts: machines of a cluster; empty if all workers belong to this process.
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
    """The interface of the service: `Engine` implements it in this process, `Client` over gRPC."""

    async def check(self, request: Check) -> Verdict:
        """Check a proof.

        Raises:
            InputError: the policy is unknown, or limits or trust are out of range.
            BusyError: the service is full.
            UnavailableError: the service cannot be reached or has failed.
        """
        ...

    def prove(self, request: Search) -> AsyncGenerator[Event, None]:
        """Search proofs. Yields `Starting` while Lean starts, then `Accepted`, then proofs and progress, then `Finished`; only `Finished` if the time is
        over before the statement has elaborated. Closing the generator cancels the search.

        Raises:
            StatementError: Lean rejects the statement.
            InputError: the policy or sampler is unknown, or limits or trust are out of range.
            BusyError: the service is full.
            UnavailableError: the service cannot be reached or has failed.
        """
        ...

    async def suggest(self, request: Suggest) -> Suggestions:
        """Suggest tactics for a position in a proof; Lean has run each of them there.

        Raises:
            StatementError: Lean rejects the theorem, or the proof up to the position.
            InputError: the position is invalid, the policy or sampler is unknown, or limits are out of range.
            BusyError: the service is full.
            UnavailableError: the service cannot be reached or has failed.
        """
        ...

    async def hint(self, request: Tutoring) -> Tutored:
        """Give one more hint on a learner's partial proof, backed by a verified proof that continues it.

        Raises:
            StatementError: Lean rejects the theorem.
            InputError: the policy is unknown or limits are out of range.
            BusyError: the service is full.
            UnavailableError: the service cannot be reached or has failed.
        """
        ...

    async def premises(self, request: Premises) -> QueryResult:
        """Find declarations of the imported library that match a name, a pattern or a goal.

        Raises:
            InputError: the query is malformed.
            StatementError: Lean rejects the goal.
            BusyError: the library is being read for the first time, or the service is full.
            UnavailableError: the service cannot be reached or has failed.
        """
        ...

    async def info(self) -> ServiceInfo:
        """Return versions, models, limits and load of this service."""
        ...

    async def reload(self) -> tuple[ServedModel, ...]:
        """Load new weights and return the models served afterwards.

        Raises:
            RefusedError: the weights cannot be used, or no model is configured; the models served before stay in use.
            UnavailableError: the service cannot be reached or has failed.
        """
        ...
