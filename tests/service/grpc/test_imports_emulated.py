"""Clients with ever new imports, and a server whose workers are emulated by scripted processes."""

import asyncio

import pytest

from prover.candidate import Candidate
from prover.options import CheckOptions
from prover.requests import BusyError, Check
from prover.theorem import Header, Theorem
from prover.verdict import Limits
from service.client.client import Client
from service.core.engine import Engine
from service.ops.config import ServerSettings, Settings
from service.server import listening
from tests.support.pools import idle
from tests.support.scripted import ScriptedRuntime, pool_of


def check(name: str, *imports: str) -> Check:
    return Check(
        Theorem(f"theorem {name} : True", Header(("Init", *imports))),
        Candidate("trivial"),
        CheckOptions(Limits(seconds=60)),
    )


async def test_ever_new_imports_are_told_to_come_back_and_others_are_served_by_the_server() -> None:
    settings = Settings(server=ServerSettings(listen="127.0.0.1:0"))
    async with pool_of(runtime=ScriptedRuntime(start={"sleep": 0.2}), switch_share=0.001) as pool:
        await idle(pool)
        engine = Engine(settings, pool)
        await engine.start()
        async with (
            listening(engine, settings, asyncio.Event()) as (address, _),
            Client(address, settings) as hostile,
            Client(address, settings) as honest,
        ):
            assert (await hostile.check(check("new", "Std.A"))).verified
            for number in range(10):
                with pytest.raises(BusyError, match="no worker has these imports") as caught:
                    await hostile.check(check(f"new{number}", f"Std.B{number}"))
                assert caught.value.seconds > 10
                assert (await honest.check(check(f"usual{number}", "Std"))).verified
        await engine.close()
        ended = pool.stats().ends
    assert sum(ended.values()) == 2, "one worker for other imports, and one for the usual ones again"
