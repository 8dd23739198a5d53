"""Metrics and traces of each call and each check: number, duration, span.

Calls over gRPC use the metric names that gRPC's Prometheus libraries share; those over HTTP have separate names.
"""

import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from prover.candidate import Candidate
from prover.lean.checker import DEFAULT_TERMS, Checker, Terms
from prover.theorem import Theorem
from prover.verdict import Verdict

if TYPE_CHECKING:
    from service.handlers.calls import Call  # imports gRPC, which only a server needs

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800)
CHECK_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)


class Span(Protocol):
    """A piece of work."""

    def set_attribute(self, key: str, value: str | int | float) -> None:
        """Set an attribute."""
        ...


class Tracing:
    """Tracing without an exporter: does nothing."""

    @contextlib.asynccontextmanager
    async def around(self, call: "Call") -> AsyncIterator[None]:
        """Trace one call, in the task that answers it."""
        yield

    @contextlib.contextmanager
    def span(self, name: str, current: bool = True) -> Iterator[Span]:
        """Trace a part of the current span's work.

        Args:
            name: one of a few names.
            current: whether spans started inside become children; not for generators, because it would affect their
                reader.
        """
        yield _NOTHING


class _Nothing:
    def set_attribute(self, key: str, value: str | int | float) -> None:
        pass


_NOTHING = _Nothing()


@dataclass(frozen=True, slots=True)
class MetricNames:
    """Names of call metrics.

    Attributes:
        prefix: prefix of the metrics.
        labels: labels of all of them.
        code: additional label for the final status.
        of: returns the values of `labels` for a call.
    """

    prefix: str
    labels: tuple[str, ...]
    code: str
    of: Callable[["Call"], tuple[str, ...]]


GRPC = MetricNames(
    "grpc_server",
    ("grpc_type", "grpc_service", "grpc_method"),
    "grpc_code",
    lambda call: (call.kind, call.service, call.method),
)
HTTP = MetricNames("leansieve_http", ("method",), "code", lambda call: (call.method,))


class CallRecorder:
    """Counts calls; use `around` as the outermost middleware."""

    def __init__(self, registry: CollectorRegistry, names: MetricNames) -> None:
        """Count in `registry` under `names`."""
        prefix, labels = names.prefix, names.labels
        self._of = names.of
        self._started = Counter(f"{prefix}_started", "Calls begun.", labels, registry=registry)
        self._handled = Counter(
            f"{prefix}_handled", "Calls ended, by status code.", (*labels, names.code), registry=registry
        )
        self._seconds = Histogram(
            f"{prefix}_handling_seconds", "How long calls took.", labels, buckets=_SECONDS, registry=registry
        )
        self._in_work = Gauge(f"{prefix}_in_progress", "Running calls.", labels, registry=registry)

    @contextlib.asynccontextmanager
    async def around(self, call: "Call") -> AsyncIterator[None]:
        """Count one call."""
        labels = self._of(call)
        self._started.labels(*labels).inc()
        self._in_work.labels(*labels).inc()
        began = time.monotonic()
        ended: BaseException | None = None
        try:
            yield
        except BaseException as error:
            ended = error
            raise
        finally:
            self._in_work.labels(*labels).dec()
            self._handled.labels(*labels, call.code_after(ended).name).inc()
            self._seconds.labels(*labels).observe(time.monotonic() - began)


class CheckRecorder:
    """Counts checks and traces them."""

    def __init__(self, registry: CollectorRegistry, tracing: Tracing) -> None:
        """Count in `registry`."""
        self.tracing = tracing
        self._checks = Counter(
            "leansieve_checks",
            "Checks answered, by verdict, trust and path.",
            ["verdict", "trust", "path"],
            registry=registry,
        )
        self._check_seconds = Histogram(
            "leansieve_check_seconds",
            "From the start of a check in a worker to its answer.",
            buckets=CHECK_SECONDS,
            registry=registry,
        )
        self._wait_seconds = Histogram(
            "leansieve_check_wait_seconds",
            "How long checks waited for a worker.",
            buckets=CHECK_SECONDS,
            registry=registry,
        )

    def recorded(self, checker: Checker) -> Checker:
        """Return `checker` with recording."""
        return _RecordedChecker(self, checker)

    def checked(self, verdict: Verdict, seconds: float) -> None:
        """Record a check that was answered `seconds` after its request."""
        self._checks.labels(verdict.kind.value, verdict.trust.name.lower(), verdict.path.value).inc()
        elapsed = verdict.elapsed_ms / 1e3
        self._check_seconds.observe(elapsed)
        self._wait_seconds.observe(max(0.0, seconds - elapsed))


class _RecordedChecker:
    def __init__(self, recorder: CheckRecorder, checker: Checker) -> None:
        self._recorder = recorder
        self._checker = checker

    async def check(self, theorem: Theorem, candidate: Candidate, terms: Terms = DEFAULT_TERMS) -> Verdict:
        began = time.monotonic()
        with self._recorder.tracing.span("check") as span:
            span.set_attribute("leansieve.theorem", theorem.digest)
            verdict = await self._checker.check(theorem, candidate, terms)
            span.set_attribute("leansieve.verdict", verdict.kind.value)
        self._recorder.checked(verdict, time.monotonic() - began)
        return verdict
