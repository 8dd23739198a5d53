"""Logs have one line per event and no text of users."""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Iterator

import grpc
import pytest
import structlog

from leansieve.v1 import check_pb2, prove_pb2
from prover.requests import Check, Event, Search, ServiceInfo
from prover.verdict import Verdict
from service.ops import logs
from service.ops.config import LogSettings, ServerSettings, Settings
from service.server import listening
from tests.support.stubs import Stubs


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.parametrize("form", ["json", "console"])
def test_what_a_client_sent_cannot_forge_a_line(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(LogSettings(format=form))  # type: ignore[arg-type]
    structlog.get_logger("a").info("refused", policy="x\n2026 forged\x1b[2J\u202e", theorem="∀")
    logging.getLogger("engine").warning("a worker %s", "ended\nforged")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert "\x1b[2J" not in lines[0]
    if form == "json":
        first, second = map(json.loads, lines)
        assert (first["event"], first["level"], first["logger"], first["theorem"]) == ("refused", "info", "a", "∀")
        assert (second["event"], second["level"]) == ("a worker ended\\nforged", "warning")


def test_the_level_holds_for_the_engine_too(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(LogSettings(level="error", format="json"))
    structlog.get_logger("a").warning("no")
    logging.getLogger("engine").warning("no")
    logging.getLogger("engine").error("yes")
    assert [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()] == ["yes"]


class Failing:
    """A service with a bug that shows what it was asked."""

    async def check(self, request: Check) -> Verdict:
        raise RuntimeError(f"cannot check {request.theorem.statement}")

    async def prove(self, request: Search) -> AsyncGenerator[Event, None]:
        raise RuntimeError(f"cannot prove {request.theorem.statement}")
        yield

    async def info(self) -> ServiceInfo:
        raise RuntimeError("no")


async def test_a_bug_shows_neither_clients_nor_logs_what_was_asked(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(LogSettings(format="json"))
    settings = Settings(server=ServerSettings(listen="127.0.0.1:0"))
    async with (
        listening(Failing(), settings, asyncio.Event()) as (address, _),
        grpc.aio.insecure_channel(address) as channel,
    ):
        stub = Stubs(channel)
        check = check_pb2.CheckProofRequest(proof="secret")
        check.theorem.statement = "theorem secret : True"
        for call in (stub.CheckProof(check), stub.Prove(prove_pb2.ProveRequest(theorem=check.theorem)).read()):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await call
            assert caught.value.code() is grpc.StatusCode.INTERNAL
            assert "secret" not in str(caught.value)
    said = capsys.readouterr().err
    assert "RuntimeError in " in said
    assert "test_logs.py" in said
    assert "secret" not in said


def test_a_flood_of_one_event_is_bounded_and_counted(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(LogSettings(format="json"))
    now = [0.0]
    (handler,) = logging.getLogger().handlers
    handler.filters[:] = [logs.Bounded(most=3, seconds=10, clock=lambda: now[0])]
    log = structlog.get_logger("flood")
    for _ in range(1000):
        log.warning("no connection can be taken")
        log.info("answered")
    log.warning("another")
    now[0] = 11.0
    log.warning("no connection can be taken")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    flood = [line for line in lines if line["event"] == "no connection can be taken"]
    assert len(flood) == 4
    assert flood[-1]["left_out_before"] == 997
    assert sum(line["event"] == "answered" for line in lines) == 1000
    assert sum(line["event"] == "another" for line in lines) == 1
