"""Calls counted by method and code, under the names that gRPC's Prometheus libraries share."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import grpc
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
        code = "OK"
        try:
            yield
            code = _code(call) or code
        except asyncio.CancelledError:
            left = call.context.time_remaining()
            code = "CANCELLED" if left is None or left > 0 else "DEADLINE_EXCEEDED"
            raise
        except BaseException as error:
            # A reader that leaves closes the generator of a stream; `abort` raises after it has set the code.
            code = "CANCELLED" if isinstance(error, GeneratorExit) else _code(call) or "UNKNOWN"
            raise
        finally:
            self._in_work.labels(*labels).dec()
            self._handled.labels(*labels, code).inc()
            self._seconds.labels(*labels).observe(time.monotonic() - began)


def _code(call: Call) -> str | None:
    """The status that the handler has set."""
    code = call.context.code()
    if isinstance(code, grpc.StatusCode):
        return code.name
    # grpc.aio keeps what it sends to the core: the number.
    return next((known.name for known in grpc.StatusCode if known.value[0] == code), None) if code else None
