"""Arguments that a `Client` cannot send, and calls of a closed one: one sentence each, before anything is sent."""

import math
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any

import pytest

from prover.candidate import Candidate
from prover.errors import InputError
from prover.options import Budget, CheckOptions, SearchOptions
from prover.premises.query import Premises, QueryKind
from prover.requests import Check, GoneError, Search, UnavailableError
from prover.theorem import Theorem
from prover.verdict import Limits
from service.client.client import Client
from service.ops.config import Settings
from tests.support.ports import free_port

THEOREM = Theorem("theorem t : True")
RIGHT = Check(THEOREM, Candidate("trivial"))
NO_STRING: Any = 5


async def last(call: Any) -> object:
    """The result of a call, or the last of its stream."""
    if not isinstance(call, AsyncGenerator):
        return await call
    return [one async for one in call][-1]


def client() -> Client:
    return Client(f"127.0.0.1:{free_port()}", Settings())


@pytest.mark.parametrize("seconds", [math.nan, math.inf, "5"])
@pytest.mark.parametrize(
    "call",
    [
        lambda to, seconds: to.check(Check(THEOREM, RIGHT.candidate, CheckOptions(Limits(seconds=seconds)))),
        lambda to, seconds: to.premises(Premises(QueryKind.NAME, "add", seconds=seconds)),
        lambda to, seconds: to.ready(seconds),
    ],
    ids=["check", "premises", "ready"],
)
async def test_seconds_are_a_finite_number(call: Callable[[Client, Any], Any], seconds: Any) -> None:
    async with client() as to:
        with pytest.raises(InputError) as refused:
            await call(to, seconds)
    assert str(refused.value) == f"the seconds must be a finite number, not {seconds!r}"


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda to: to.check(Check(THEOREM, Candidate(NO_STRING))), "the proof must be a string, not 5"),
        (lambda to: to.check(Check(Theorem(NO_STRING), RIGHT.candidate)), "the statement must be a string, not 5"),
        (
            lambda to: to.prove(Search(THEOREM, SearchOptions(Budget(seconds=math.nan)))),
            "the seconds must be a finite number, not nan",
        ),
        (
            lambda to: to.prove(Search(THEOREM, SearchOptions(Budget(samples=1 << 40)))),
            "the samples must be within the range of its type, not 1099511627776",
        ),
        (lambda to: to.status(NO_STRING), "an argument of the call is invalid: bad argument type"),
    ],
)
async def test_an_argument_that_cannot_be_sent_is_named(call: Callable[[Client], Any], says: str) -> None:
    async with client() as to:
        with pytest.raises(InputError) as refused:
            await last(call(to))
    assert str(refused.value).startswith(says)


@pytest.mark.parametrize(
    "call",
    [
        lambda to: to.check(RIGHT),
        lambda to: to.prove(Search(THEOREM)),
        lambda to: to.watch("0"),
        lambda to: to.info(),
        lambda to: to.ready(1),
    ],
)
async def test_a_closed_client_says_so(call: Callable[[Client], Any]) -> None:
    async with client() as closed:
        pass
    with pytest.raises(UnavailableError, match="this client is closed: make its calls inside its `async with`"):
        await last(call(closed))


async def test_a_stream_without_anything_to_send_to_no_server_is_no_cancellation() -> None:
    """gRPC raised `CancelledError`, as if the caller had been cancelled."""

    async def items() -> AsyncIterator[tuple[str, Check]]:
        yield "wrong", Check(THEOREM, Candidate(NO_STRING))

    async with client() as to:
        with pytest.raises(GoneError):
            await last(to.check_all(items()))
