"""Calls counted by method and code: those over gRPC under the names that its Prometheus libraries share, those over HTTP apart."""

import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from service.handlers.calls import Call

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800)


@dataclass(frozen=True, slots=True)
class MetricNames:
    """What metrics of calls are called.

    Attributes:
        prefix: of the metrics.
        labels: of all of them.
        code: the further label of how a call ended.
        of: the values of `labels` for a call.
    """

    prefix: str
    labels: tuple[str, ...]
    code: str
    of: Callable[[Call], tuple[str, ...]]


GRPC = MetricNames(
    "grpc_server",
    ("grpc_type", "grpc_service", "grpc_method"),
    "grpc_code",
    lambda call: (call.kind, call.service, call.method),
)
HTTP = MetricNames("leansieve_http", ("method",), "code", lambda call: (call.method,))


class CallRecorder:
    """Counts calls; give `around` to what surrounds them, before the others."""

    def __init__(self, registry: CollectorRegistry, names: MetricNames) -> None:
        """Count into `registry` under `names`."""
        prefix, labels = names.prefix, names.labels
        self._of = names.of
        self._started = Counter(f"{prefix}_started", "Calls begun.", labels, registry=registry)
        self._handled = Counter(
            f"{prefix}_handled", "Calls ended, by status code.", (*labels, names.code), registry=registry
        )
        self._seconds = Histogram(
            f"{prefix}_handling_seconds", "How long calls took.", labels, buckets=_SECONDS, registry=registry
        )
        self._in_work = Gauge(f"{prefix}_in_progress", "Calls in work.", labels, registry=registry)

    @contextlib.asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[None]:
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
