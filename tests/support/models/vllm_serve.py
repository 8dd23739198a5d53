"""A real `vllm serve` as a subprocess, and a relay in front of it that can be cut: a second server that dies."""

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from prover.sampling.vllm.vllm_platform import built_for_cpu, prepare_environment
from tests.support.ports import free_port

KEY = "a-secret"


@contextlib.contextmanager
def serving(checkpoint: Path, log: Path) -> Iterator[str]:
    """Serve a checkpoint under the names `base` and `again`; yields the address."""
    prepare_environment()
    port = free_port()
    options = [
        "--dtype",
        "float32",
        "--enforce-eager",
        "--block-size",
        "32",
        "--no-enable-chunked-prefill",
        "--kv-cache-memory-bytes",
        str(128 << 20),
    ]
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", str(checkpoint)]
    command += ["--served-model-name", "base", "again", "--host", "127.0.0.1", "--port", str(port), "--api-key", KEY]
    command += ["--max-num-seqs", "16", "--disable-uvicorn-access-log", *(options if built_for_cpu() else [])]
    with log.open("wb") as file:
        server = subprocess.Popen(
            command, stdout=file, stderr=subprocess.STDOUT, env=os.environ | {"VLLM_LOGGING_LEVEL": "INFO"}
        )
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until_healthy(url, server, log)
        yield url
    finally:
        server.terminate()
        server.wait(60)


def wait_until_healthy(url: str, server: subprocess.Popen[bytes], log: Path, seconds: float = 900) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert server.poll() is None, log.read_text()[-10_000:]
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{url}/health").is_success:
                return
        time.sleep(0.5)
    raise TimeoutError(log.read_text()[-10_000:])


class Relay:
    """Hands bytes on between a port of its own and a server, until it is cut."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._server: asyncio.Server | None = None
        self._is_cut = False
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = free_port()
        self.carried = 0  # connections so far

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def connections(self) -> int:
        """Open now."""
        return len(self._writers) // 2

    async def open(self) -> None:
        self._is_cut = False
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self.port)

    async def cut(self) -> None:
        """Close the port and break every connection."""
        assert self._server is not None
        self._is_cut = True
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.carried += 1
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        pair = {writer, far_writer}
        self._writers |= pair
        try:
            if self._is_cut:  # meanwhile
                return
            tasks = [asyncio.create_task(_pump(reader, far_writer)), asyncio.create_task(_pump(far_reader, writer))]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
        finally:
            self._writers -= pair
            for one in pair:
                one.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
