"""Failover between servers, some of which fail like vLLM; test_vllm_server.py has real ones."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

import pytest

from prover.sampling.remote.endpoints import Endpoints
from prover.sampling.sampler import SamplerUnavailableError
from tests.support.ports import free_port


@contextlib.asynccontextmanager
async def answering(status: str, answer: object, listed: asyncio.Event | None = None) -> AsyncIterator[str]:
    """The address of a server that is healthy, lists the model `m` (once `listed` is set), and gives one answer to all else."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next((int(line[15:]) for line in head.lower().splitlines() if line.startswith("content-length:")), 0)
        await reader.readexactly(length)
        asked = head.split(" ")[1]
        listing = {"data": [{"id": "m", "max_model_len": 256}]}
        body = json.dumps({"/health": {}, "/v1/models": listing}.get(asked, answer)).encode()
        if asked == "/v1/models" and listed is not None:
            await listed.wait()
        first = "200 OK" if asked in ("/health", "/v1/models") else status
        lines = f"HTTP/1.1 {first}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        writer.write(lines.encode() + body)
        await writer.drain()
        writer.close()

    port = free_port()
    async with await asyncio.start_server(serve, "127.0.0.1", port):
        yield f"http://127.0.0.1:{port}"


@contextlib.asynccontextmanager
async def opened(*urls: str) -> AsyncIterator[Endpoints]:
    endpoints = Endpoints(urls, None, connect_seconds=30, request_seconds=30, health_seconds=3600)
    await endpoints.open()
    try:
        yield endpoints
    finally:
        await endpoints.close()


@pytest.mark.parametrize("status", ["401 Unauthorized", "404 Not Found", "429 Too Many Requests", "503 Unavailable"])
async def test_a_server_that_cannot_serve_a_request_hands_it_to_the_next(status: str) -> None:
    async with (
        answering(status, {}) as refusing,
        answering("200 OK", {"text": "by simp"}) as able,
        opened(refusing, able) as endpoints,
    ):
        for _ in range(2):
            assert await endpoints.post("/v1/completions", {"model": "m"}) == {"text": "by simp"}
        assert [one.healthy for one in endpoints.status] == [False, True]


async def test_a_server_that_fails_while_it_is_asked_for_its_health_is_not_healthy() -> None:
    listed = asyncio.Event()
    listed.set()
    async with answering("503 Unavailable", {}, listed) as failing, opened(failing) as endpoints:
        listed.clear()
        asking = asyncio.create_task(endpoints.ask_all())
        with pytest.raises(SamplerUnavailableError):
            await endpoints.post("/v1/completions", {"model": "m"})
        listed.set()
        await asking
        assert not endpoints.status[0].healthy
        await endpoints.ask_all()
        assert endpoints.status[0].healthy


async def test_where_all_refuse_each_complaint_is_told() -> None:
    async with (
        answering("401 Unauthorized", {}) as one,
        answering("404 Not Found", {}) as other,
        opened(one, other) as endpoints,
    ):
        with pytest.raises(SamplerUnavailableError) as told:
            await endpoints.post("/v1/completions", {"model": "m"})
    assert str(told.value) == (
        f"no vLLM server can answer: {one} refuses the API key; {other} answers 404 to /v1/completions"
    )


async def test_what_is_wrong_with_the_request_itself_is_told_at_once() -> None:
    said = {"error": {"message": "max_tokens must\nbe at least 1"}}
    async with (
        answering("400 Bad Request", said) as one,
        answering("200 OK", {}) as other,
        opened(one, other) as endpoints,
    ):
        with pytest.raises(ValueError, match=r"refuses the request: 'max_tokens must be at least 1'"):
            await endpoints.post("/v1/completions", {"model": "m"})
        assert all(each.healthy for each in endpoints.status)
