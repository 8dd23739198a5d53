"""Traces arrive at a real OTLP receiver."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
import pytest_asyncio
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

from leansieve.v1 import check_pb2, server_pb2
from prover.candidate import Candidate
from prover.errors import UserError
from prover.lean.checker import DEFAULT_TERMS, Terms
from prover.theorem import Theorem
from prover.verdict import Verdict, VerdictKind
from service.core.engine import Engine
from service.ops import tracing
from service.ops.config import ServerSettings, Settings, TracingSettings
from service.ops.metrics.recorder import Recorder
from service.server import listening
from tests.support.stubs import Stubs


class Receiver(trace_service_pb2_grpc.TraceServiceServicer):
    """Keeps what it is sent."""

    def __init__(self) -> None:
        self.address = ""
        self.spans: dict[str, Any] = {}
        self.resource: dict[str, str] = {}

    async def Export(self, request: Any, context: object) -> Any:
        for part in request.resource_spans:
            self.resource = {pair.key: pair.value.string_value for pair in part.resource.attributes}
            self.spans |= {span.name: span for scope in part.scope_spans for span in scope.spans}
        return trace_service_pb2.ExportTraceServiceResponse()


@pytest_asyncio.fixture(loop_scope="session")
async def receiver() -> AsyncIterator[Receiver]:
    server, receiver = grpc.aio.server(), Receiver()
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(receiver, server)  # type: ignore[no-untyped-call]
    receiver.address = f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    yield receiver
    await server.stop(0)


@contextlib.asynccontextmanager
async def exported(receiver: Receiver) -> AsyncIterator[tracing.Tracing]:
    """Traces to the receiver; at the end what is left is sent from a thread, as the receiver answers on this loop."""
    export = tracing.exporting(TracingSettings(endpoint=receiver.address))
    yield export.__enter__()
    await asyncio.to_thread(export.__exit__, None, None, None)


def attributes(span: Any) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in span.attributes}


async def test_a_call_is_a_span_below_that_of_the_client(receiver: Receiver) -> None:
    settings = Settings(server=ServerSettings(listen="127.0.0.1:0"))
    trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    async with (
        exported(receiver) as traces,
        listening(Engine(settings), settings, asyncio.Event(), Recorder(traces)) as (address, _),
        grpc.aio.insecure_channel(address) as channel,
    ):
        stub = Stubs(channel)
        metadata = (("traceparent", f"00-{trace}-{parent}-01"),)
        await stub.GetServerInfo(server_pb2.GetServerInfoRequest(), metadata=metadata)
        with pytest.raises(grpc.aio.AioRpcError):
            await stub.CheckProof(check_pb2.CheckProofRequest())
    span = receiver.spans["leansieve.v1.ServerService/GetServerInfo"]
    assert span.trace_id.hex() == trace
    assert span.parent_span_id.hex() == parent
    assert attributes(span)["rpc.grpc.status_code"] == 0
    failed = receiver.spans["leansieve.v1.ProofCheckService/CheckProof"]
    assert not failed.parent_span_id
    assert attributes(failed)["rpc.grpc.status_code"] == grpc.StatusCode.INVALID_ARGUMENT.value[0]
    assert receiver.resource["service.name"] == "leansieve"


async def test_a_check_names_its_theorem_by_its_digest_alone(receiver: Receiver) -> None:
    theorem = Theorem("theorem secret_name : True")

    class No:
        async def check(self, theorem: Theorem, candidate: Candidate, terms: Terms = DEFAULT_TERMS) -> Verdict:
            return Verdict(VerdictKind.REJECTED)

    async with exported(receiver) as traces:
        await Recorder(traces).checks.recorded(No()).check(theorem, Candidate("rfl"))
    span = receiver.spans["check"]
    assert attributes(span) == {"leansieve.theorem": theorem.digest, "leansieve.verdict": "rejected"}
    assert b"secret_name" not in span.SerializeToString()


async def test_nothing_is_traced_by_default() -> None:
    with tracing.exporting(TracingSettings()) as traces, traces.span("check") as span:
        assert type(traces) is tracing.Tracing
        span.set_attribute("a", 1)


def test_without_opentelemetry_the_start_ends_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with (
        pytest.raises(UserError, match=r"pip install 'leansieve\[tracing\]'"),
        tracing.exporting(TracingSettings(endpoint="http://127.0.0.1:1")),
    ):
        pass
