"""Every call with arbitrary protobuf messages: the server answers each with a response or an ordinary status.

`LEANSIEVE_FUZZ=20000` runs so many requests of each call; the default is what a test run has time for.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from leansieve.v1 import check_pb2
from prover.requests import Check
from service.client.client import Client
from service.contract.methods import METHODS, path_of
from tests.service.grpc.test_check_stream_lean import EASY
from tests.service.grpc.test_proof_search_lean import Candidate
from tests.support.stubs import Stubs

pytestmark = [
    pytest.mark.lean,
    pytest.mark.timeout(0),
    # The server draws its own random numbers while the strategies run beside it.
    pytest.mark.filterwarnings("ignore:Do not use the `random` module"),
]

REQUESTS = int(os.environ.get("LEANSIEVE_FUZZ", "12"))
ORDINARY = {
    grpc.StatusCode.OK,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED,
}
SECONDS = 1.0

# Pieces that get a request past the first looks, and others that should not.
LEAN = st.sampled_from(
    [
        "theorem t (a b : Nat) : a + b = b + a",
        "theorem t : 1 + 1 = 2",
        "theorem t (a : Nat) : a = missing",
        "by omega",
        "by\n  sorry",
        "by simp",
        "omega",
        "import Init",
        "import Std\nopen Nat",
        "import Lean",
        "theorem x : 1 + 1 = 2 := by\n  sorry\n\ntheorem y : True := by\n  constructor\n  · sorry\n",
        "n : Nat\nh : 0 < n\n⊢ n ≠ 0",
        "h✝ : p\n⊢ p",
        "⊢",
        ":= := \0 «",
        "((((((((",
        "portfolio",
        "default",
        "auto",
    ]
)
TEXT = LEAN | st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
NUMBERS = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
}


# In tame messages: what the contract takes, so that most of them come as far as Lean.
TAME: dict[str, st.SearchStrategy[Any]] = {
    "header": st.sampled_from(["", "import Init", "import Std\nopen Nat"]),
    "context": st.sampled_from(["", "def two := 2", "namespace a"]),
    "statement": st.sampled_from(
        ["theorem t (a b : Nat) : a + b = b + a", "theorem t : 1 + 1 = 2", "theorem t : missing"]
    ),
    "policy": st.sampled_from(["", "default"]),
    "sampler": st.sampled_from(["", "auto", "portfolio"]),
    "id": st.sampled_from(["0" * 32, "x"]),
    "project": st.just(""),
    "guard": st.sampled_from(["", "Nat.add_comm"]),
    "suggestions": st.integers(0, 3),
    "recursion": st.just(0),
    "heartbeats": st.just(0),
    "proofs": st.integers(0, 2),
    "line": st.integers(1, 4),
}
UNTAMED = {"model", "alpha"}  # this server has no model


def values(field: FieldDescriptor, tame: bool) -> st.SearchStrategy[Any]:
    """What one field may hold."""
    if tame and field.name in TAME:
        return TAME[field.name]
    match field.cpp_type:
        case FieldDescriptor.CPPTYPE_STRING:
            return LEAN if tame else TEXT
        case FieldDescriptor.CPPTYPE_BOOL:
            return st.booleans()
        case FieldDescriptor.CPPTYPE_DOUBLE:
            return st.floats(0.1, 1) if tame else st.floats(0, 1) | st.floats()
        case FieldDescriptor.CPPTYPE_ENUM:
            known = [value.number for value in field.enum_type.values if "ELABORATED" not in value.name]
            return st.sampled_from(known) if tame else st.integers(-5, 99)
        case FieldDescriptor.CPPTYPE_MESSAGE:
            return messages(field.message_type, tame)
        case kind:
            low, high = NUMBERS[kind]
            return st.integers(1, 20) if tame else st.integers(0, 20) | st.integers(low, high)


def messages(descriptor: Descriptor, tame: bool) -> st.SearchStrategy[Message]:
    """Messages of a type, most fields often set."""
    if descriptor.full_name == "google.protobuf.Duration":
        small = st.builds(lambda s: {"seconds": s}, st.integers(1, 2))
        wild = st.fixed_dictionaries({"seconds": st.integers(-(2**63), 2**63 - 1), "nanos": st.integers(-9, 9)})
        return (small if tame else small | wild).map(lambda fields: GetMessageClass(descriptor)(**fields))

    @st.composite
    def build(draw: st.DrawFn) -> Message:
        message = GetMessageClass(descriptor)()
        taken: set[str] = set()
        for field in draw(st.permutations(list(descriptor.fields))):
            one_of = field.containing_oneof.name if field.containing_oneof else field.name
            needed = field.name in ("theorem", "check", "position", "start", "end", "id") or one_of == "candidate"
            if one_of in taken or (tame and field.name in UNTAMED):
                continue
            if not (tame and (needed or one_of == "place")) and not draw(st.integers(0, 3)):
                continue
            taken.add(one_of)
            if field.is_repeated:
                found = draw(st.lists(values(field, tame), min_size=int(tame), max_size=3))
                getattr(message, field.name).extend(found)
            elif field.message_type is not None:
                getattr(message, field.name).CopyFrom(draw(values(field, tame)))
            else:
                value = draw(values(field, tame))
                try:
                    setattr(message, field.name, value)
                except (ValueError, TypeError):
                    continue  # no wire format carries it
        return message

    return build()


async def ask(stub: Stubs, method: MethodDescriptor, request: Message) -> grpc.StatusCode:
    """How one call ends; streams are read to their end, or until the deadline."""

    async def one() -> AsyncIterator[Message]:
        yield request

    call = getattr(stub, method.name)(one() if method.client_streaming else request, timeout=SECONDS)
    try:
        if method.server_streaming:
            async for response in call:
                if isinstance(response, check_pb2.CheckProofsResponse):
                    assert response.WhichOneof("outcome"), "an item of a stream is answered one way or the other"
                    assert response.error.code != grpc.StatusCode.INTERNAL.value[0]
        else:
            await call
    except grpc.aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK


@pytest.mark.parametrize("name", sorted(METHODS))
async def test_whatever_is_sent_the_server_stands_and_says_what_is_wrong(
    name: str, lean_channel: grpc.aio.Channel, lean_client: Client
) -> None:
    method, stub = METHODS[name], Stubs(lean_channel)
    loop = asyncio.get_running_loop()
    ends: dict[grpc.StatusCode, int] = {}

    def run(request: Message) -> None:
        end = asyncio.run_coroutine_threadsafe(ask(stub, method, request), loop).result()
        ends[end] = ends.get(end, 0) + 1
        assert end in ORDINARY, f"{end} for {request}"

    def session(tame: bool) -> Callable[[], None]:
        examples = settings(max_examples=max(1, REQUESTS // 2), database=None, suppress_health_check=list(HealthCheck))
        return examples(given(messages(method.input_type, tame))(run))  # type: ignore[no-any-return]

    with capture_logs() as logs:
        await asyncio.to_thread(session(tame=False))
        await asyncio.to_thread(session(tame=True))
    assert [entry for entry in logs if entry["event"] == "failed"] == []
    assert sum(ends.values()) >= min(REQUESTS, 2)
    print(f"{name}: {sum(ends.values())} requests, { ({end.name: count for end, count in ends.items()}) }")
    async with asyncio.timeout(120):
        verdict = await lean_client.check(Check(EASY, Candidate("by omega")))
    assert verdict.verified


async def test_bytes_that_are_no_message_end_in_a_status(lean_channel: grpc.aio.Channel) -> None:
    with capture_logs() as logs:
        for name in METHODS:
            call = lean_channel.unary_unary(path_of(name), lambda raw: raw, lambda raw: raw)
            if name == "CheckProofs":  # answers each message
                answer = check_pb2.CheckProofsResponse.FromString(await call(b"\xff\xff\xff\x01garbage", timeout=5.0))
                assert answer.error.code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
                continue
            with pytest.raises(grpc.aio.AioRpcError):
                await call(b"\xff\xff\xff\x01garbage", timeout=5.0)
    assert [entry for entry in logs if entry["event"] == "failed"] == []
