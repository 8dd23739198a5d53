"""`CheckProofs` over a real channel, with real Lean behind it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from google.rpc import code_pb2

from leansieve.v1 import check_pb2, verdict_pb2
from prover.candidate import Candidate
from prover.errors import InputError
from prover.lean.workers.pool import WorkerPool
from prover.options import CheckOptions
from prover.requests import Check
from prover.theorem import Theorem
from prover.verdict import Limits, Verdict, VerdictKind
from service.client.client import Client
from tests.support.pools import until_idle
from tests.support.stubs import Stubs

pytestmark = pytest.mark.lean

EASY = Theorem("theorem easy (a b : Nat) : a + b = b + a")
LONG = Check(
    Theorem("theorem long : ∀ a b c d e : Fin 14, a + b + c + d + e = e + d + c + b + a"),
    Candidate("by decide"),
    CheckOptions(Limits(seconds=120.0, heartbeats=4_000_000, recursion=4_000)),
)


async def test_every_item_is_answered_by_its_id_and_bad_ones_end_nothing(lean_client: Client) -> None:
    checks = {
        "good": Check(EASY, Candidate("by omega")),
        "wrong": Check(EASY, Candidate("by rfl")),
        "policy": Check(EASY, Candidate("by omega"), CheckOptions(policy="none")),
        "limits": Check(EASY, Candidate("by omega"), CheckOptions(Limits(seconds=80_000))),
        "empty": Check(Theorem(""), Candidate("by omega")),
        "statement": Check(Theorem("theorem bad : missing"), Candidate("by omega")),
        "last": Check(EASY, Candidate("Nat.add_comm a b")),
    }

    async def items() -> AsyncIterator[tuple[str, Check]]:
        for item in checks.items():
            yield item

    answers = {name: answer async for name, answer in lean_client.check_all(items())}
    kinds = {name: answer.kind for name, answer in answers.items() if isinstance(answer, Verdict)}
    assert kinds == {
        "good": VerdictKind.VERIFIED,
        "wrong": VerdictKind.REJECTED,
        "empty": VerdictKind.INVALID_STATEMENT,
        "statement": VerdictKind.INVALID_STATEMENT,
        "last": VerdictKind.VERIFIED,
    }
    errors = {name: answer.field for name, answer in answers.items() if isinstance(answer, InputError)}
    assert errors == {"policy": "policy", "limits": "limits.timeout"}


async def test_an_item_that_cannot_be_sent_is_answered_by_the_client(lean_client: Client) -> None:
    no_string: Any = 5

    async def items() -> AsyncIterator[tuple[str, Check]]:
        yield "wrong", Check(EASY, Candidate(no_string))
        yield "good", Check(EASY, Candidate("by omega"))

    answers = {name: answer async for name, answer in lean_client.check_all(items())}
    assert str(answers["wrong"]) == "the proof must be a string, not 5"
    assert isinstance(answers["good"], Verdict)
    assert answers["good"].verified


async def test_an_error_of_the_items_is_raised_after_the_answers(lean_client: Client) -> None:
    """gRPC cancelled the call, and the caller saw a cancellation of its own."""

    async def items() -> AsyncIterator[tuple[str, Check]]:
        yield "good", Check(EASY, Candidate("by omega"))
        raise LookupError("the source of the items broke")

    answers = lean_client.check_all(items())
    assert (await anext(answers))[0] == "good"
    with pytest.raises(LookupError, match="the source of the items broke"):
        await anext(answers)


async def test_an_item_that_breaks_the_contract_is_its_own_answer(lean_channel: grpc.aio.Channel) -> None:
    async def items() -> AsyncIterator[check_pb2.CheckProofsRequest]:
        yield check_pb2.CheckProofsRequest(id="nothing")
        good = check_pb2.CheckProofRequest(proof="by omega")
        good.theorem.statement = EASY.statement
        yield check_pb2.CheckProofsRequest(id="x" * 300, check=good)
        yield check_pb2.CheckProofsRequest(id="good", check=good)

    answers = {answer.id: answer async for answer in Stubs(lean_channel).CheckProofs(items())}
    assert answers["nothing"].error.code == code_pb2.INVALID_ARGUMENT
    assert answers["x" * 300].error.code == code_pb2.INVALID_ARGUMENT
    assert answers["good"].verdict.kind == verdict_pb2.VERDICT_KIND_VERIFIED


async def test_answers_come_while_the_client_still_sends(lean_client: Client) -> None:
    answered = asyncio.Event()

    async def items() -> AsyncIterator[tuple[str, Check]]:
        yield "first", Check(EASY, Candidate("by omega"))
        await answered.wait()
        yield "second", Check(EASY, Candidate("by omega"))

    names = []
    async with asyncio.timeout(60):
        async for name, _ in lean_client.check_all(items()):
            names.append(name)
            answered.set()
    assert names == ["first", "second"]


async def test_a_stream_that_is_closed_stops_lean(lean_client: Client, lean_pool: WorkerPool) -> None:
    await until_idle(lean_pool)

    async def items() -> AsyncIterator[tuple[str, Check]]:
        for number in range(3):
            yield str(number), LONG
        yield "easy", Check(EASY, Candidate("by omega"))
        await asyncio.Event().wait()

    answers = lean_client.check_all(items())
    waiting = asyncio.create_task(anext(answers))
    await asyncio.sleep(1.0)
    waiting.cancel()
    await until_idle(lean_pool)
    assert (await lean_client.check(Check(EASY, Candidate("by omega")))).verified
