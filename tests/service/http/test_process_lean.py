"""`leansieve serve --http`, as a process of its own."""

import asyncio
import signal
from pathlib import Path

import httpx
import psutil
import pytest

from tests.support.commands import running

pytestmark = [pytest.mark.lean, pytest.mark.timeout(600)]


async def test_a_server_answers_http_and_a_drain_ends_its_streams(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("[server]\ndrain_seconds = 0.1\n[lean]\nspares = 0\n")
    arguments = ["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--metrics", "", "--workers", "1"]
    async with running("serve", *arguments, "--config", config, LEANSIEVE_STORE__URL="none") as process:
        lines = [(await process.stdout.readline()).decode() for _ in range(3)]
        assert "ready" in lines[2]
        url = lines[1].split()[-1]
        async with httpx.AsyncClient(base_url=url, timeout=120) as client:
            assert (await client.get("/healthz")).json() == {"serving": True}
            request = {
                "theorem": {"statement": "theorem wrong (a b : Nat) : a + b = b + a + 1"},
                "options": {"budget": {"samples": 1000, "timeout": "300s"}},
            }
            async with client.stream("POST", "/v1/prove", json=request) as answer:
                text = answer.aiter_lines()
                assert await anext(text) == "event: accepted"
                children = psutil.Process(process.pid).children(recursive=True)
                process.send_signal(signal.SIGTERM)
                rest = [line async for line in text]
            assert rest[-3] == "event: error"
            assert '"UNAVAILABLE"' in rest[-2]
            assert "RetryInfo" in rest[-2]
        assert await asyncio.wait_for(process.wait(), 60) == 0
        assert not [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
