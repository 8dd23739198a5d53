"""What an agent says to a tool, before anybody is asked to prove anything."""

from typing import Never

import pytest
from mcp.server.mcpserver.exceptions import ToolError

from service.mcp.callers import Callers
from service.mcp.server import build
from service.ops.config import Settings


async def nobody() -> Never:
    raise AssertionError("the service is not asked")


async def test_an_argument_that_a_tool_does_not_have_is_refused_by_name() -> None:
    settings = Settings()
    server = build(nobody, settings, Callers(settings))
    with pytest.raises(ToolError, match=r"lean_prove has no argument secs; it has statement, "):
        await server.call_tool("lean_prove", {"statement": "theorem t : True", "secs": 5})
    with pytest.raises(ToolError, match=r"lean_check has no argument a\\nb;"):
        await server.call_tool("lean_check", {"statement": "theorem t : True", "proof": "trivial", "a\nb": 5})
    with pytest.raises(ToolError, match="Unknown tool"):
        await server.call_tool("lean_nothing", {"a": 1})
