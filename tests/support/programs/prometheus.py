"""A real Prometheus, under the configuration and the rules of `deploy/`."""

import asyncio
import contextlib
import itertools
import json
import os
import re
import shutil
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.ports import free_port

DEPLOY = Path(__file__).parents[3] / "deploy"

needs_prometheus = pytest.mark.skipif(
    shutil.which("prometheus") is None, reason="prometheus is not installed (Debian: apt-get install prometheus)"
)


@contextlib.asynccontextmanager
async def process(*command: str, **environment: str) -> AsyncIterator[asyncio.subprocess.Process]:
    running = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, env={**os.environ, **environment}
    )
    try:
        yield running
    finally:
        if running.returncode is None:
            running.terminate()
            await running.wait()


@contextlib.asynccontextmanager
async def scraping(folder: Path, seen: str, *targets: int) -> AsyncIterator[httpx.AsyncClient]:
    """The HTTP interface of a Prometheus that has scraped these ports often enough for rates of the series `seen`."""
    port = free_port()
    for name in ("recording.yaml", "alerts.yaml"):
        shutil.copy(DEPLOY / "prometheus" / name, folder)
    config = (DEPLOY / "prometheus" / "prometheus.yaml").read_text()
    addresses = '", "'.join(f"127.0.0.1:{target}" for target in targets)
    config = config.replace("leansieve:9464", addresses).replace("15s", "1s")
    (folder / "prometheus.yaml").write_text(config)
    arguments = [f"--config.file={folder}/prometheus.yaml", f"--storage.tsdb.path={folder}/data"]
    listen = f"--web.listen-address=127.0.0.1:{port}"
    async with (
        process("prometheus", *arguments, listen, "--log.level=error"),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as prometheus,
    ):
        async with asyncio.timeout(120):
            await _scraped(prometheus, seen, len(targets))
        yield prometheus


async def _scraped(prometheus: httpx.AsyncClient, seen: str, targets: int) -> None:
    """Wait until there are enough samples for rates."""
    for _ in itertools.count():
        with contextlib.suppress(httpx.HTTPError):  # it is starting
            found = await query(prometheus, f"count_over_time({seen}[5m])")
            instances = {one["metric"]["instance"] for one in found}
            if len(instances) == targets and all(float(one["value"][1]) >= 5 for one in found):
                return
        await asyncio.sleep(0.5)


async def query(prometheus: httpx.AsyncClient, expression: str) -> list[dict[str, Any]]:
    answer = await prometheus.get("/api/v1/query", params={"query": expression})
    assert answer.status_code != 400, (expression, answer.text)
    result: list[dict[str, Any]] = answer.raise_for_status().json()["data"]["result"]
    return result


def panels() -> list[tuple[str, str, str]]:
    """Title, query and legend of everything that the dashboard shows."""
    board = json.loads((DEPLOY / "grafana" / "leansieve.json").read_text())
    return [
        (panel["title"], target["expr"], target["legendFormat"])
        for panel in board["panels"]
        for target in panel.get("targets", [])
    ]


async def without_data(
    prometheus: httpx.AsyncClient, instance: str, wanted: Sequence[tuple[str, str, str]]
) -> list[str]:
    """The queries among `wanted` that have no answer, or lack a label that their legend shows."""
    empty = []
    for title, expression, legend in wanted:
        asked = expression.replace("$__rate_interval", "5m").replace("$instance", instance)
        found = await query(prometheus, asked)
        labels = re.findall(r"{{(\w+)}}", legend)
        if not found or any(label not in found[0]["metric"] for label in labels):
            empty.append(f"{title}: {asked}")
    return empty
