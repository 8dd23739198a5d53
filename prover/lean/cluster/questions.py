"""Messages between driver and host: requests of docs/worker-protocol.md and their results."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from prover.lean.wire.lines import Fields, ProtocolError, Request
from prover.lean.wire.role import ProcessRole
from prover.lean.workers.jobs import ImportSet, Priority
from prover.lean.workers.stats import PoolStats
from prover.verdict import VerdictKind

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class HostQuestion:
    """A request sent to a host.

    Attributes:
        op, body: as in `Request`.
        imports: imports that the worker must have.
        seconds: wall-clock deadline of one attempt in a worker.
    """

    op: str
    body: bytes
    imports: ImportSet
    seconds: float
    priority: Priority


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """A worker's raw answer; its shape is validated by the sender of the request.

    Attributes:
        late: whether the deadline had passed.
        ms: milliseconds that the worker took.
        worked, waited: seconds that workers spent on it, and that it queued on the host.
        host: name of the answering host; filled in by the driver.
    """

    fields: Fields
    ms: float
    late: bool
    worked: float = 0.0
    waited: float = 0.0
    host: str = ""


@dataclass(frozen=True, slots=True)
class MissingAnswer:
    """There is no answer; holds the reason. Other attributes as in `RawAnswer`."""

    kind: VerdictKind
    reason: str
    ms: float
    worked: float = 0.0
    waited: float = 0.0
    host: str = ""


@dataclass(frozen=True, slots=True)
class Busy:
    """The host is at capacity; retry after `seconds`."""

    text: str
    seconds: float
    worked: float = 0.0
    waited: float = 0.0
    host: str = ""


Outcome = RawAnswer | MissingAnswer | Busy


@dataclass(frozen=True, slots=True)
class HostState:
    """The state of a host.

    Attributes:
        size: maximum number of concurrent checks.
        live: number of running workers.
        failure: reason why none runs, if known.
        lean, worker: versions; empty until a worker was up.
        stats: statistics of its pool.
    """

    size: int
    live: int
    failure: str
    lean: str
    worker: str
    stats: PoolStats


@dataclass(frozen=True, slots=True)
class Lending:
    """The kind of process that a client borrows from a host."""

    role: ProcessRole
    imports: ImportSet


def unread(question: HostQuestion) -> Request[RawAnswer | MissingAnswer]:
    """Return the request in the form in which a host passes it to a worker."""
    return Request(question.op, question.body, RawAnswer, MissingAnswer)


def read(request: Request[T], outcome: RawAnswer | MissingAnswer) -> T:
    """Return the result of a request.

    Raises:
        NoAnswerError: a look-up has no answer.
    """
    if isinstance(outcome, MissingAnswer):
        return request.failed(outcome.kind, outcome.reason, outcome.ms)
    try:
        fields: Mapping[str, Any] = outcome.fields
        return request.read(fields, outcome.ms, outcome.late)
    except ProtocolError as error:
        return request.failed(VerdictKind.INFRASTRUCTURE, f"a host violated the worker protocol ({error})", outcome.ms)
