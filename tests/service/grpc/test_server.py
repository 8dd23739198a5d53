"""The gRPC server through a real channel, as far as it answers without Lean."""

import asyncio
import re
import socket
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
import pytest_asyncio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from leansieve.v1 import (
    batch_pb2,
    check_pb2,
    fill_pb2,
    prove_pb2,
    search_pb2,
    server_pb2,
    theorem_pb2,
    verdict_pb2,
)
from prover.candidate import Candidate
from prover.errors import InputError, UserError
from prover.options import STRATEGIES, Budget, CheckOptions, Sampling, SearchOptions
from prover.requests import BusyError, Check, GoneError, RefusedError, Search, UnavailableError
from prover.source import lean_file
from prover.theorem import Theorem
from prover.verdict import Limits
from service.batch.batches import BatchItem, BatchRequest
from service.client.client import Client
from service.contract.messages import batch as batch_messages
from service.contract.methods import METHODS, SERVICES, path_of
from service.core.engine import Engine
from service.grpc import status
from service.ops.config import ClientSettings, ServerSettings, Settings
from service.server import listening
from tests.support.stubs import SEARCH_SERVICE, Stubs

SETTINGS = Settings(server=ServerSettings(listen="127.0.0.1:0", message_bytes=1 << 16))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def address() -> AsyncIterator[str]:
    """A server whose engine was never started: it answers whatever needs no Lean."""
    async with listening(Engine(SETTINGS), SETTINGS, asyncio.Event()) as (where, _):
        yield where


@pytest_asyncio.fixture(loop_scope="session")
async def channel(address: str) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(address) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def client(address: str) -> AsyncIterator[Client]:
    async with Client(address, Settings()) as opened:
        yield opened


async def test_health_is_not_serving_until_a_proof_was_checked(channel: grpc.aio.Channel) -> None:
    health = health_pb2_grpc.HealthStub(channel)
    for name in ("", *SERVICES):
        response = await health.Check(health_pb2.HealthCheckRequest(service=name))
        assert response.status == health_pb2.HealthCheckResponse.NOT_SERVING
    assert SEARCH_SERVICE in SERVICES


async def test_reflection_lists_the_services(channel: grpc.aio.Channel) -> None:
    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    answers = [answer async for answer in stub.ServerReflectionInfo(iter([request]))]
    names = {service.name for service in answers[0].list_services_response.service}
    assert {*SERVICES, "grpc.health.v1.Health"} <= names


async def test_a_server_says_what_it_offers(client: Client) -> None:
    info = await client.info()
    assert info.runtime == "embedded"
    assert info.samplers == ("auto", "portfolio")
    assert info.policies == ("default",)
    assert info.default.limits == Limits()
    assert info.maximum.budget.seconds == Settings().search.maximum_seconds


async def test_requests_before_the_start_are_told_to_come_back(client: Client) -> None:
    with pytest.raises(BusyError, match="still starting"):
        await client.check(Check(Theorem("theorem a : True"), Candidate("trivial")))
    with pytest.raises(BusyError, match="still starting"):
        await anext(client.prove(Search(Theorem("theorem a : True"))))


TRUE = Theorem("theorem a : True")


@pytest.mark.parametrize(
    ("search", "field"),
    [
        (Search(Theorem("")), "theorem.statement"),
        (Search(Theorem("theorem a : True\0")), "theorem.statement"),
        (Search(TRUE, SearchOptions(check=CheckOptions(policy="other"))), "policy"),
        (Search(TRUE, SearchOptions(sampler="other")), "sampler"),
        (Search(TRUE, SearchOptions(Budget(samples=10**9))), "budget.samples"),
        (Search(TRUE, SearchOptions(Budget(proofs=10**9))), "budget.proofs"),
        (Search(TRUE, SearchOptions(Budget(seconds=1e9))), "budget.timeout"),
        (Search(TRUE, SearchOptions(Budget(seconds=-1))), "budget.timeout"),
        (Search(TRUE, SearchOptions(Budget(checks=0))), "budget.checks"),
        (Search(TRUE, SearchOptions(check=CheckOptions(Limits(seconds=1e9)))), "limits.timeout"),
        (Search(TRUE, SearchOptions(check=CheckOptions(Limits(heartbeats=2**31 - 1)))), "limits.heartbeats"),
        (Search(TRUE, SearchOptions(check=CheckOptions(Limits(recursion=2**31 - 1)))), "limits.recursion"),
    ],
)
async def test_a_search_out_of_bounds_is_refused_by_field(client: Client, search: Search, field: str) -> None:
    with pytest.raises(InputError) as caught:
        await anext(client.prove(search))
    assert caught.value.field == (field if field.startswith("theorem") else f"options.{field}")


async def test_a_request_that_is_refused_is_invalid_argument(channel: grpc.aio.Channel) -> None:
    stub = Stubs(channel)
    options = search_pb2.SearchOptions(minimum_trust=verdict_pb2.TRUST_ELABORATED)
    for request in (prove_pb2.ProveRequest(), prove_pb2.ProveRequest(options=options)):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.Prove(request).read()
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.CheckProof(check_pb2.CheckProofRequest())
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert caught.value.details() == "candidate: give `proof` or `file`"


async def test_a_text_that_cannot_be_taken_is_the_verdict_of_a_check(channel: grpc.aio.Channel) -> None:
    stub = Stubs(channel)
    request = check_pb2.CheckProofRequest(proof="rfl", theorem=theorem_pb2.Theorem())
    response = await stub.CheckProof(request)
    assert response.verdict.kind == verdict_pb2.VERDICT_KIND_INVALID_STATEMENT
    assert response.verdict.messages[0].text.startswith("the statement is empty")
    request.theorem.statement, request.theorem.header = "theorem a : True", "import 1"
    response = await stub.CheckProof(request)
    assert response.verdict.messages[0].region == verdict_pb2.REGION_HEADER
    request.theorem.header, request.proof = "", "\0"
    response = await stub.CheckProof(request)
    assert response.verdict.kind == verdict_pb2.VERDICT_KIND_REJECTED


async def test_a_message_beyond_the_limit_is_refused(client: Client) -> None:
    with pytest.raises(InputError, match="bytes long; at most"):
        await client.check(Check(TRUE, Candidate("x" * (1 << 16))))


@pytest.mark.parametrize("name", METHODS)
async def test_what_is_no_message_is_bad_input_and_not_our_failure(channel: grpc.aio.Channel, name: str) -> None:
    async def sent() -> AsyncIterator[bytes]:
        yield b"\xff\xff\xff\x01garbage"

    call = channel.stream_unary(path_of(name))(sent())
    if name == "CheckProofs":  # where each message has its answer
        answer = check_pb2.CheckProofsResponse.FromString(await call)
        assert (answer.id, answer.error.code) == ("message:1", grpc.StatusCode.INVALID_ARGUMENT.value[0])
        assert answer.error.message.startswith("message 1 of the stream cannot be parsed")
        return
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert isinstance(status.to_error(caught.value, "here"), InputError)
    assert "cannot be parsed" in str(caught.value.details())


async def test_a_field_that_this_server_does_not_know_is_not_looked_at(channel: grpc.aio.Channel) -> None:
    call = channel.unary_unary(path_of("GetServerInfo"))
    assert await call(b"\x9a\x06\x03new")  # of a later contract: the field 99


async def test_no_server_is_one_sentence() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
        async with Client(address, Settings()) as client:
            with pytest.raises(GoneError, match=f"no server answers at {address}: start one with `leansieve serve`"):
                await client.info()
            with pytest.raises(UnavailableError):
                await client.ready(0.5)


async def test_a_port_in_use_is_one_sentence(address: str) -> None:
    settings = Settings(server=ServerSettings(listen=address))
    with pytest.raises(UserError, match="Address already in use; choose another address with --listen"):
        async with listening(Engine(settings), settings, asyncio.Event()):
            pass


@pytest.mark.parametrize(
    ("listen", "words"),
    [
        ("0.0.0.0:0", "can be reached from other machines"),
        ("[::]:0", "can be reached from other machines"),
        ("example.org:0", "can be reached from other machines"),
        ("127.0.0.1", "expected HOST:PORT"),
        ("127.0.0.1:x", "expected HOST:PORT"),
        ("127.0.0.1:99999", "expected HOST:PORT"),
        ("unix:/no/such/folder/socket", "cannot listen"),
    ],
)
async def test_where_not_to_listen(listen: str, words: str) -> None:
    settings = Settings(server=ServerSettings(listen=listen))
    with pytest.raises(UserError, match=words):
        async with listening(Engine(settings), settings, asyncio.Event()):
            pass


async def test_other_machines_are_let_in_when_told_so() -> None:
    settings = Settings(server=ServerSettings(listen="0.0.0.0:0", allow_remote=True))
    async with listening(Engine(settings), settings, asyncio.Event()) as (address, _):
        assert not address.endswith(":0")


async def test_a_unix_socket_serves(tmp_path: Path) -> None:
    settings = Settings(server=ServerSettings(listen=f"unix:{tmp_path}/socket"))
    async with (
        listening(Engine(settings), settings, asyncio.Event()) as (address, _),
        Client(address, settings) as client,
    ):
        assert (await client.info()).runtime == "embedded"


async def test_every_call_is_named_by_the_client_or_the_server(channel: grpc.aio.Channel) -> None:
    stub = Stubs(channel)

    async def name(own: str | None) -> str:
        call = stub.GetServerInfo(server_pb2.GetServerInfoRequest(), metadata=[("x-request-id", own)] if own else None)
        await call
        return str(dict(await call.initial_metadata())["x-request-id"])

    assert await name("my-request_1.a") == "my-request_1.a"
    assert re.fullmatch("[0-9a-f]{16}", await name(None))
    # What could forge a line of the log is not taken.
    assert re.fullmatch("[0-9a-f]{16}", await name("a b"))


async def test_batches_and_new_weights_are_refused_where_there_is_no_store_and_no_model(client: Client) -> None:
    item = BatchItem("1", TRUE)
    with pytest.raises(RefusedError, match=r"set store\.url"):
        await client.submit(BatchRequest((item,)))
    with pytest.raises(RefusedError):
        await anext(client.watch("0" * 32))
    with pytest.raises((RefusedError, BusyError)):
        await client.reload()
    info = await client.info()
    assert (info.store, info.models) == (False, ())
    assert info.strategies == STRATEGIES


LARGE = {
    "CreateBatch": (batch_messages, "request_from_proto"),
    "FillSorries": (lean_file, "parse"),
}


@pytest.mark.parametrize("name", LARGE)
async def test_others_are_answered_while_a_large_request_is_read(
    channel: grpc.aio.Channel, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    reading, answered, read = threading.Event(), threading.Event(), getattr(*LARGE[name])

    def slowly(*arguments: object) -> object:
        reading.set()
        assert answered.wait(60), "nobody was answered"
        return read(*arguments)

    monkeypatch.setattr(*LARGE[name], slowly)
    item = batch_pb2.BatchItem(id="1", theorem=theorem_pb2.Theorem(statement=TRUE.statement))
    request = {
        "CreateBatch": batch_pb2.CreateBatchRequest(items=[item]),
        "FillSorries": fill_pb2.FillSorriesRequest(text="theorem a : True := sorry"),
    }[name]
    call = channel.unary_stream(path_of(name))(request.SerializeToString())
    assert await asyncio.to_thread(reading.wait, 60)
    await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
    answered.set()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        _ = [response async for response in call]
    # Neither a store nor Lean is there; that it was read is what counts.
    assert caught.value.code() in (grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.RESOURCE_EXHAUSTED)


async def test_a_client_beyond_its_quota_is_told_when_to_come_back() -> None:
    settings = Settings(server=SETTINGS.server, clients=ClientSettings(calls_per_minute=2))
    async with (
        listening(Engine(settings), settings, asyncio.Event()) as (address, _),
        Client(address, settings) as client,
    ):
        await client.info()
        await client.info()
        with pytest.raises(BusyError, match="2 calls a minute") as caught:
            await client.info()
        assert 0 < caught.value.seconds <= 30


async def test_every_violation_of_the_contract_is_named(client: Client) -> None:
    search = Search(
        TRUE,
        SearchOptions(Budget(seconds=-1), CheckOptions(Limits(heartbeats=2**31 - 1)), sampling=Sampling(focus=2.0)),
    )
    with pytest.raises(InputError) as caught:
        await anext(client.prove(search))
    assert [field for field, _ in caught.value.violations] == [
        "options.budget.timeout",
        "options.limits.heartbeats",
        "options.sampling.focus",
    ]
