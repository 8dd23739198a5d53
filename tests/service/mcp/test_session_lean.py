"""A recorded agent's session over stdio: its own messages as they are, without a client library in between, and real Lean behind the server."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

SESSION = json.loads(Path(__file__).with_name("session.json").read_text(encoding="utf-8"))
SECONDS = 120.0


class Wire:
    """Lines of JSON-RPC to and from the process; what was notified of is kept."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.notified: list[dict[str, Any]] = []
        self._process = process

    async def send(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        await self._process.stdin.drain()

    async def next(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), SECONDS)
        message: dict[str, Any] = json.loads(line)
        assert message["jsonrpc"] == "2.0"
        if "id" not in message:
            self.notified.append(message)
        return message

    def progress_of(self, token: int) -> list[dict[str, Any]]:
        of_call = [one["params"] for one in self.notified if one["method"] == "notifications/progress"]
        return [params for params in of_call if params["progressToken"] == token]


def at(value: Any, path: str) -> Any:
    """What stands at a path of an answer; None: nothing."""
    for part in path.split("."):
        try:
            value = value[int(part)] if part.isdecimal() else value[part]
        except (LookupError, TypeError):
            return None
    return value


def with_file(message: Any, file: Path) -> Any:
    return json.loads(json.dumps(message).replace("{file}", str(file)))


async def cancelled(wire: Wire, number: int) -> None:
    """The agent gives the call up while it searches; that reaches Lean, as the one worker answers what comes next."""
    while not wire.progress_of(number):
        await wire.next()
    await wire.send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": number}})


@pytest.mark.lean
async def test_a_recorded_session_is_answered_as_agents_expect(served: str, tmp_path: Path) -> None:
    file = tmp_path / "Work.lean"
    file.write_text(SESSION["file"], encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "service", "mcp", "--server", served),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        limit=1 << 24,
    )
    wire = Wire(process)
    given_up: set[int] = set()
    schemas: dict[str, dict[str, Any]] = {}
    try:
        for entry in SESSION["messages"]:
            message = with_file(entry["send"], file)
            await wire.send(message)
            if (number := message.get("id")) is None:
                continue
            if entry.get("cancelled_after_progress"):
                await cancelled(wire, number)
                given_up.add(number)
                continue
            answer = await wire.next()
            while answer.get("id") != number:
                # A call that was given up may still be answered, with an error, never with a result.
                assert "id" not in answer or (answer["id"] in given_up and "error" in answer)
                answer = await wire.next()
            if message["method"] != "tools/call":
                result = answer["result"]
                assert set(entry["shape"]) <= result.keys()
                assert {path: at(result, path) for path in entry.get("facts", {})} == entry.get("facts", {})
                schemas |= {tool["name"]: tool["outputSchema"] for tool in result.get("tools", ())}
                assert set(entry.get("tools", ())) <= schemas.keys()
                continue
            result = answer.get("result", {"isError": True, "content": [{"text": json.dumps(answer.get("error"))}]})
            structured = result["structuredContent"]
            assert result.get("isError", False) is not structured["success"]
            assert entry.get("refused", "") in structured["error"]
            assert structured.keys() == schemas[message["params"]["name"]]["properties"].keys()
            assert json.loads(result["content"][0]["text"]) == structured
            facts = entry.get("facts", {"error_code": "BAD_INPUT"})
            assert {path: at(structured, path) for path in facts} == facts, structured
            if entry.get("progress"):
                told = [params["progress"] for params in wire.progress_of(number)]
                assert told == sorted(told) != []
        assert file.read_text(encoding="utf-8") == SESSION["file"]
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 30)
        except TimeoutError:
            process.kill()
            raise
    assert process.returncode == 0
