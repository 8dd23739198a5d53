"""The engine behind the service, as far as it needs no Lean."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from unittest.mock import AsyncMock

import pytest

from prover.events import Ending, Finished
from prover.lean.runtimes.runtime import RuntimeUnavailableError
from prover.lean.wire.answers import Elaboration
from prover.lean.workers.client import PoolClient
from prover.options import Budget, SearchOptions
from prover.requests import Search, Starting, StatementError, UnavailableError
from prover.theorem import Theorem
from prover.verdict import VerdictKind
from service.core.engine import Engine
from service.ops.config import LeanSettings, Settings


async def test_closing_ends_the_preparation_of_lean_that_runs_in_a_thread() -> None:
    told: list[str] = []
    engine = Engine(Settings(), report=lambda doing, _done, _total: told.append(doing))
    engine._preparing("downloading Lean", 1, 2)
    await engine.close()
    with pytest.raises(RuntimeUnavailableError, match="interrupted"):
        engine._preparing("downloading Lean", 2, 2)
    assert told == ["downloading Lean"]


def test_the_settings_choose_the_lean(tmp_path: Path) -> None:
    assert Engine(Settings()).pool.runtime == "embedded"
    (tmp_path / "lakefile.toml").write_text('name = "example"\n')
    (tmp_path / "lean-toolchain").write_text("leanprover/lean4:v4.26.0\n")
    assert Engine(Settings(lean=LeanSettings(project=tmp_path))).pool.runtime == "native"
    assert Engine(Settings(lean=LeanSettings(project=tmp_path, runtime="embedded"))).pool.runtime == "embedded"
    with pytest.raises(UnavailableError, match=r"set lean\.project"):
        Engine(Settings(lean=LeanSettings(runtime="native")))


async def test_the_time_in_which_lean_starts_for_a_statement_is_time_of_its_search(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A start of quarantine that took longer than the search may last was told as `time is over after 0.0 s`."""

    async def elaborate(*_: object) -> Elaboration:
        await asyncio.sleep(0.1)
        return Elaboration(VerdictKind.VERIFIED)

    async def check(*_: object) -> None:
        await asyncio.sleep(60)

    client = AsyncMock(PoolClient, elaborate=elaborate)
    client.checking.return_value = AsyncMock(check=check)
    client.stuck.return_value = None
    monkeypatch.setattr(Engine, "workers", 1)
    engine = Engine(Settings())
    engine._started = True
    request = Search(Theorem("theorem a : True"), SearchOptions(budget=Budget(seconds=0.2)))
    finished = [event async for event in engine._search(request, client)][-1]
    assert isinstance(finished, Finished)
    assert finished.spent.seconds >= finished.spent.waited >= 0.1
    await engine.close()


def with_scripted_lean(
    monkeypatch: pytest.MonkeyPatch, elaborate: Callable[..., Awaitable[Elaboration]], activity: str = ""
) -> Engine:
    """An engine whose Lean elaborates as it is told, and does `activity` meanwhile."""

    @contextlib.asynccontextmanager
    async def client() -> AsyncIterator[object]:
        asked = AsyncMock(PoolClient, elaborate=elaborate)
        asked.starting.return_value = activity
        yield asked

    engine = Engine(Settings())
    engine._started = True
    monkeypatch.setattr(Engine, "workers", 1)
    monkeypatch.setattr(engine, "_client", client)
    return engine


@pytest.mark.parametrize("disprove", [False, True])
async def test_a_search_ends_on_time_although_its_statement_has_not_elaborated(
    monkeypatch: pytest.MonkeyPatch, disprove: bool
) -> None:
    """A search of five seconds took as long as Lean needed to start, and to elaborate."""
    stopped = asyncio.Event()

    async def elaborate(*_: object) -> Elaboration:
        try:
            await asyncio.sleep(3600)
        finally:
            stopped.set()
        raise AssertionError

    engine = with_scripted_lean(monkeypatch, elaborate)
    options = SearchOptions(budget=Budget(seconds=0.05), disprove=disprove)
    (finished,) = [event async for event in engine.prove(Search(Theorem("theorem a : True"), options))]
    assert isinstance(finished, Finished)
    assert finished.ending is Ending.SECONDS_SPENT
    assert finished.spent.seconds == finished.spent.waited >= 0.05
    assert stopped.is_set()
    await engine.close()


@pytest.mark.parametrize("disprove", [False, True])
async def test_a_search_tells_that_lean_starts_for_its_statement(
    monkeypatch: pytest.MonkeyPatch, disprove: bool
) -> None:
    monkeypatch.setattr("service.core.engine._TELL_SECONDS", 0.01)
    told = asyncio.Event()

    async def elaborate(*_: object) -> Elaboration:
        await told.wait()
        return Elaboration(VerdictKind.INVALID_STATEMENT)

    engine = with_scripted_lean(monkeypatch, elaborate, "Lean starts")
    options = SearchOptions(budget=Budget(seconds=60), disprove=disprove)
    events = engine.prove(Search(Theorem("theorem a : True"), options))
    for _ in range(2):
        event = await anext(events)
        assert isinstance(event, Starting)
        assert event.activity == "Lean starts"
    told.set()
    with pytest.raises(StatementError):
        [_ async for _ in events]
    await engine.close()
