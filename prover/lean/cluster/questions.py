"""What a driver and a host say to each other: requests of docs/worker-protocol.md, and what came of them."""

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
    """A request on its way to a host.

    Attributes:
        op, body: as in `Request`.
        imports: which workers can serve it.
        seconds: wall-clock deadline of one attempt in a worker.
    """

    op: str
    body: bytes
    imports: ImportSet
    seconds: float
    priority: Priority


@dataclass(frozen=True, slots=True)
class Said:
    """A worker's answer, not yet read: its shape is looked at where the request was made.

    Attributes:
        late: whether the deadline had passed.
        ms: milliseconds that the worker took.
        worked, waited: seconds that workers spent on it, and for which it waited on the host.
        host: name of the host that said it; the driver writes it.
    """

    fields: Fields
    ms: float
    late: bool
    worked: float = 0.0
    waited: float = 0.0
    host: str = ""


@dataclass(frozen=True, slots=True)
class Unsaid:
    """There is no answer, and why. `Said` has the other attributes."""

    kind: VerdictKind
    reason: str
    ms: float
    worked: float = 0.0
    waited: float = 0.0
    host: str = ""


@dataclass(frozen=True, slots=True)
class Busy:
    """The host has no room; it may be asked again after `seconds`."""

    text: str
    seconds: float
    worked: float = 0.0
    waited: float = 0.0
    host: str = ""


Outcome = Said | Unsaid | Busy


@dataclass(frozen=True, slots=True)
class HostState:
    """How a host is.

    Attributes:
        size: most checks at once.
        live: workers that are up.
        failure: why none is, as far as known.
        lean, worker: versions; empty until a worker was up.
        stats: of its pool.
    """

    size: int
    live: int
    failure: str
    lean: str
    worker: str
    stats: PoolStats


@dataclass(frozen=True, slots=True)
class Lending:
    """Which process of its own a client wants on a host."""

    role: ProcessRole
    imports: ImportSet


def unread(question: HostQuestion) -> Request[Said | Unsaid]:
    """The request as a host puts it to a worker."""
    return Request(question.op, question.body, Said, Unsaid)


def read(request: Request[T], outcome: Said | Unsaid) -> T:
    """The result of a request.

    Raises:
        NoAnswerError: a look-up came to nothing.
    """
    if isinstance(outcome, Unsaid):
        return request.failed(outcome.kind, outcome.reason, outcome.ms)
    try:
        fields: Mapping[str, Any] = outcome.fields
        return request.read(fields, outcome.ms, outcome.late)
    except ProtocolError as error:
        return request.failed(VerdictKind.INFRASTRUCTURE, f"a host violated the worker protocol ({error})", outcome.ms)
