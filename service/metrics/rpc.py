"""Calls counted by method and code, under the names that gRPC's Prometheus libraries share."""

import contextlib
import time
from collections.abc import AsyncIterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from service.interceptor import Call

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800)
_LABELS = ["grpc_type", "grpc_service", "grpc_method"]


class CallRecorder:
    """Counts calls; give `around` to an `Around` interceptor that stands before the others."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Count into `registry`."""
        self._started = Counter("grpc_server_started", "Calls begun.", _LABELS, registry=registry)
        self._handled = Counter(
            "grpc_server_handled", "Calls ended, by status code.", [*_LABELS, "grpc_code"], registry=registry
        )
        self._seconds = Histogram(
            "grpc_server_handling_seconds", "How long calls took.", _LABELS, buckets=_SECONDS, registry=registry
        )
        self._in_work = Gauge("grpc_server_in_progress", "Calls in work.", _LABELS, registry=registry)

    @contextlib.asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[None]:
        """Count one call."""
        labels = (call.kind, call.service, call.method)
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
            self._handled.labels(*labels, call.status_after(ended).name).inc()
            self._seconds.labels(*labels).observe(time.monotonic() - began)
