"""Runs parts of a strategy in parallel."""

import asyncio
from collections.abc import Coroutine
from typing import Any


async def run_all_then_raise_first(*parts: Coroutine[Any, Any, None]) -> None:
    """Run parts in parallel. A failing part does not end the others; the first failure is raised at the end."""
    failures: list[Exception] = []

    async def run(part: Coroutine[Any, Any, None]) -> None:
        try:
            await part
        except Exception as failure:
            failures.append(failure)

    async with asyncio.TaskGroup() as group:
        for part in parts:
            group.create_task(run(part))
    if failures:
        raise failures[0]
