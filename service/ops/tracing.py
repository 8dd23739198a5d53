"""OpenTelemetry traces: a span for each call, with child spans for each check and each run of a sampler.

Without `tracing.endpoint`, nothing is exported, and OpenTelemetry is not even imported. A client's `traceparent` is
continued. Spans identify theorems by digest.
"""

import contextlib
import importlib.metadata
from collections.abc import AsyncIterator, Iterator
from typing import Any

from prover.errors import UserError
from service.handlers.calls import Call
from service.ops.config import TracingSettings
from service.ops.metrics.calls import Span, Tracing


@contextlib.contextmanager
def exporting(settings: TracingSettings) -> Iterator[Tracing]:
    """Export traces as configured; pending ones are sent at the end.

    Raises:
        UserError: OpenTelemetry is not installed.
    """
    if not settings.endpoint:
        yield Tracing()
        return
    try:
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
    except ImportError:
        raise UserError(
            "traces need OpenTelemetry: run `pip install 'leansieve[tracing]'`, or leave tracing.endpoint empty"
        ) from None
    version = importlib.metadata.version("leansieve")
    provider = TracerProvider(
        sampler=ParentBased(TraceIdRatioBased(settings.ratio)),
        resource=Resource.create({"service.name": "leansieve", "service.version": version}),
        shutdown_on_exit=False,
    )
    exporter = OTLPSpanExporter(settings.endpoint, insecure=not settings.endpoint.startswith("https://"))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    try:
        yield _Exported(provider.get_tracer("leansieve", version))
    finally:
        provider.shutdown()


class _Exported(Tracing):
    def __init__(self, tracer: Any) -> None:
        self._tracer = tracer

    @contextlib.asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[None]:
        from opentelemetry import context, trace
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        sent = {key: value for key, value in call.metadata.items() if isinstance(value, str)}
        span = self._tracer.start_span(
            f"{call.service}/{call.method}",
            context=TraceContextTextMapPropagator().extract(sent),
            kind=trace.SpanKind.SERVER,
            attributes={"rpc.system": call.system, "rpc.service": call.service, "rpc.method": call.method},
        )
        # Not detached: the task ends with the call.
        context.attach(trace.set_span_in_context(span))
        ended: BaseException | None = None
        try:
            yield
        except BaseException as error:
            ended = error
            raise
        finally:
            span.set_attribute("rpc.grpc.status_code", call.code_after(ended).value[0])
            span.end()

    @contextlib.contextmanager
    def span(self, name: str, current: bool = True) -> Iterator[Span]:
        if current:
            with self._tracer.start_as_current_span(name, record_exception=False) as span:
                yield span
            return
        span = self._tracer.start_span(name)
        try:
            yield span
        finally:
            span.end()
