"""Arguments of tools, before a search starts."""

import asyncio
import os
import re
from pathlib import Path
from typing import Any, Never

import httpx2
import pytest
import yaml
from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import CallToolResult

from prover.source import lean_file, showing
from service.mcp import files
from service.mcp.callers import Callers
from service.mcp.http import serve_http
from service.mcp.server import build
from service.ops.config import Settings

STATED = {"statement": "theorem t : True"}
SKILL = Path("docs/SKILL.md").read_text(encoding="utf-8")


async def no_service() -> Never:
    raise AssertionError("the service is not asked")


class Silent:
    """A service that is there, and is not asked anything."""


async def silent() -> Any:
    return Silent()


def server(service: Any = no_service) -> MCPServer:
    return build(service, Settings(), Callers(Settings()))


async def refused(tool: str, arguments: dict[str, Any], service: Any = no_service) -> dict[str, Any]:
    result = await server(service).call_tool(tool, arguments)
    assert isinstance(result, CallToolResult)
    assert result.is_error
    found = result.structured_content
    assert found is not None
    assert (found["success"], found["error_code"]) == (False, "BAD_INPUT")
    assert "pydantic" not in found["error"]
    assert "\n" not in found["error"]
    return found


@pytest.mark.parametrize(
    ("tool", "arguments", "error", "hint"),
    [
        ("lean_prove", STATED | {"secs": 5}, "lean_prove has no argument secs; it has statement, ", "change secs"),
        ("lean_check", STATED | {"proof": "rfl", "a\nb": 5}, "lean_check has no argument a\\nb; ", "change a\\nb"),
        ("lean_goal", {"file_path": "/a.lean"}, "lean_goal needs the argument line; it has file_path, ", "change line"),
        ("lean_goal", {"file_path": "/a.lean", "line": "four"}, "line of lean_goal must be a valid integer, not 'four'", "change line"),
        ("lean_goal", {"file_path": "/a.lean", "line": -1}, "line of lean_goal must be greater than or equal to 1, not -1", "change line"),
        ("lean_goal", {"file_path": 5, "line": None}, "file_path of lean_goal must be a valid string, not 5", "change file_path, line"),
        ("lean_goal", {"file_path": "/a.lean", "line": "9" * 5_000}, "line of lean_goal must be a valid integer, not '999", "change line"),
        ("lean_hint", STATED | {"earlier": [{}] * 100_000}, "earlier.0.level is missing in the arguments of lean_hint", "change earlier.0.level, earlier.0.step"),
        ("lean_prove", STATED | {"seconds": float("nan")}, "seconds of lean_prove must be less than or equal to 3600, not nan", "change seconds"),
        ("lean_goal", {"file_path": "/a.lean", "line": "13"}, "line of lean_goal must be a valid integer, not '13'", "change line"),
        ("lean_goal", {"file_path": "/a.lean", "line": True}, "line of lean_goal must be a valid integer, not True", "change line"),
        ("lean_prove", STATED | {"seconds": True}, "seconds of lean_prove must be a valid number, not True", "change seconds"),
        ("lean_prove", STATED | {"seconds": "5"}, "seconds of lean_prove must be a valid number, not '5'", "change seconds"),
        ("lean_prove", STATED | {"proofs": "2"}, "proofs of lean_prove must be a valid integer, not '2'", "change proofs"),
        ("lean_prove", STATED | {"proofs": 33}, "proofs of lean_prove must be less than or equal to 32, not 33", "change proofs"),
        ("lean_local_search", {"query": "x", "kind": "type"}, "kind of lean_local_search must be '', 'name', 'pattern' or 'goal', not 'type'", "change kind"),
        ("lean_check_batch", {"items": [STATED | {"proof": "rfl"}] * 101}, "items of lean_check_batch must have at most 100 items, not 101", "change items"),
        ("lean_hint", STATED | {"earlier": [{"level": "x" * 9_000, "step": 1}]}, "earlier.0.step of lean_hint must be a valid string, not 1", "change earlier.0.step"),
    ],
)  # fmt: skip
async def test_an_argument_of_the_wrong_kind_is_one_sentence(
    tool: str, arguments: dict[str, Any], error: str, hint: str
) -> None:
    found = await refused(tool, arguments)
    assert found["error"].startswith(error)
    assert found["hint"] == hint


async def test_a_tool_that_there_is_not_is_named() -> None:
    with pytest.raises(ToolError, match=r"there is no tool 'lean_nothing'; there are lean_prove, "):
        await server().call_tool("lean_nothing", {"a": 1})


@pytest.mark.parametrize(
    ("tool", "arguments", "error", "hint"),
    [
        ("lean_run_code", {"code": "-- x\n" * 1_000_000}, "the code is 5,000,000 bytes long; at most 1,048,576 are taken", "change code"),
        ("lean_check", STATED | {"proof": "x" * 5_000_000}, "the proof is 5,000,000 bytes long; at most 1,048,576 are taken", "change proof"),
        ("lean_check", STATED | {"proof": "rfl", "context": "\0"}, "the context holds a NUL character at character 0", "change context"),
        ("lean_suggest_for_goal", {"goal": "⊢ True", "header": "import 3"}, "header line 1: expected `import Module.Name`", "change header"),
    ],
)  # fmt: skip
async def test_a_text_that_is_not_taken_is_one_sentence(
    tool: str, arguments: dict[str, Any], error: str, hint: str
) -> None:
    found = await refused(tool, arguments, silent)
    assert found["error"].startswith(error)
    assert found["hint"] == hint


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("folder.lean", "is a folder, not a plain file"),
        ("pipe.lean", "is a named pipe, not a plain file"),
        ("zero.lean", "is a device, not a plain file"),
        ("binary.lean", ":1: byte 0xff is not UTF-8; save the file as UTF-8"),
        ("large.lean", "is larger than 4,194,304 bytes"),
        ("empty.lean", "is empty"),
        ("none.lean", "No such file or directory"),
        ("\u202e.lean", "\\u202e.lean: No such file or directory"),
        ("a.txt", "file_path must name a .lean file, not 'a.txt'"),
        ("a\0.lean", "the file_path holds a NUL character"),
        ("x" * 5_000, "bytes long; at most 4,096 are taken"),
    ],
)
async def test_a_path_that_holds_no_lean_is_one_sentence(tmp_path: Path, name: str, error: str) -> None:
    (tmp_path / "folder.lean").mkdir()
    os.mkfifo(tmp_path / "pipe.lean")
    (tmp_path / "zero.lean").symlink_to("/dev/zero")
    for file, content in {"binary": b"\xff", "large": b"-- x\n" * 900_000, "empty": b" "}.items():
        (tmp_path / f"{file}.lean").write_bytes(content)
    found = await refused("lean_goal", {"file_path": str(tmp_path / name), "line": 1}, silent)
    assert error in found["error"]
    assert found["hint"] == "change file_path"


def test_what_a_check_of_a_theorem_leaves_out_is_what_shows_something_above_and_around_it() -> None:
    file = lean_file.parse("#eval 1\n/-- -/\n#guard_msgs in\ntheorem t : True := trivial\n#check t\n")
    assert showing.named(files.left_out(file, file.theorems[0])) == ["#eval (line 1)", "#guard_msgs (line 4)"]


async def test_a_theorem_of_another_namespace_is_not_meant(tmp_path: Path) -> None:
    file = tmp_path / "a.lean"
    file.write_text("namespace Foo\ntheorem one : True := trivial\nend Foo\n", encoding="utf-8")
    found = await refused("lean_verify", {"file_path": str(file), "theorem_name": "Bar.one"}, silent)
    assert found["error"] == "the file has no theorem 'Bar.one'; it states: Foo.one"


@pytest.mark.parametrize("body", ["{}", "[]", '{"jsonrpc": "2.0", "id": 1}', "null"])
@pytest.mark.parametrize("version", [{}, {"mcp-protocol-version": "2025-06-18"}])
async def test_a_body_that_is_no_message_is_answered_over_http_in_one_sentence(
    body: str, version: dict[str, str]
) -> None:
    url = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve_http(silent, Settings(), "127.0.0.1:0", url.set_result))
    headers = {"accept": "application/json, text/event-stream", "content-type": "application/json", **version}
    try:
        async with httpx2.AsyncClient(headers=headers) as http:
            answered = await http.post(await url, content=body)
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
    assert answered.status_code == 400
    error = answered.json()["error"]["message"]
    assert "JSON-RPC" in error
    assert ("\n" in error, "pydantic" in error) == (False, False)


async def test_the_skill_has_the_front_matter_that_agents_read_and_names_tools_that_exist() -> None:
    _, front, body = SKILL.split("---\n", 2)
    fields = yaml.safe_load(front)
    assert fields.keys() == {"name", "description"}
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", fields["name"])
    assert 0 < len(fields["description"]) <= 1024
    assert not re.search(r"[<>]", fields["description"])
    tools = {tool.name for tool in await server().list_tools()}
    assert set(re.findall(r"\blean_\w+", body)) <= tools
