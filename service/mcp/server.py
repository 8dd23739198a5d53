"""The MCP server: the tools, and a few resources that explain their vocabulary."""

import importlib.metadata
from collections.abc import Awaitable, Callable
from typing import Any, get_type_hints

from mcp.server import MCPServer
from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver.exceptions import ToolError, UnexpectedToolError
from mcp.types import CallToolResult, TextContent, ToolAnnotations
from pydantic import AnyHttpUrl, ValidationError

from prover.errors import InputError
from prover.requests import Service
from prover.verdict import Trust, VerdictKind
from service.mcp import stdio
from service.mcp.answers.answer import ToolAnswer
from service.mcp.callers import Callers
from service.mcp.errors import refusal, unknown
from service.mcp.files import shown
from service.mcp.tools.source_files import FileTools
from service.mcp.tools.statements import StatementTools
from service.ops.config import Settings

_INSTRUCTIONS = (
    "Lean 4 proof search and checking. `success` means that a tool ran; `ok` means that Lean's kernel accepted. "
    "lean_check, lean_verify and lean_multi_attempt judge proofs that you wrote; lean_prove and lean_fill_sorries search "
    "proofs; lean_goal and lean_suggest_tactics look at one place; lean_hint helps a learner without giving the proof away; "
    "lean_local_search finds declarations of the library. Lines and columns count from 1. No tool edits a file."
)
_VERDICTS = {
    VerdictKind.VERIFIED: "the kernel accepted this proof of this statement",
    VerdictKind.REJECTED: "Lean reports an error",
    VerdictKind.INCOMPLETE: "the proof uses sorry, leaves goals open, or depends on something that is not proved",
    VerdictKind.FORBIDDEN: "the proof uses a construct that is not allowed",
    VerdictKind.STATEMENT_CHANGED: "something else than the statement was proved",
    VerdictKind.AXIOM_NOT_ALLOWED: "the proof uses a non-standard axiom",
    VerdictKind.TIMEOUT: "the check reached its deadline",
    VerdictKind.OUT_OF_RESOURCES: "the check reached a limit of heartbeats, memory or recursion",
    VerdictKind.INVALID_STATEMENT: "the statement itself does not elaborate",
    VerdictKind.KERNELS_DISAGREE: "a second kernel refuses what the first accepted; never verified",
    VerdictKind.INFRASTRUCTURE: "nothing is known about the proof; try again",
}
_TRUSTS = {
    Trust.NONE: "not checked as far as elaboration",
    Trust.ELABORATED: "elaborated only; never called verified",
    Trust.KERNEL_REPLAYED: "the kernel re-checked every new constant in a clean environment",
    Trust.ISOLATED_REPLAY: "the same, in a process that serves no other client",
    Trust.CROSS_CHECKED: "a second kernel, of an official native Lean, accepted every constant as well",
}
_READ_ONLY = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)


class _Server(MCPServer):
    """Answers invalid arguments as the tools answer other errors. The base class ignores unknown arguments without telling the agent, and
    reports others in several lines."""

    def offer(self, *tools: Callable[..., Awaitable[ToolAnswer]]) -> None:
        """Add tools that only read."""
        self._answers: dict[str, type[ToolAnswer]] = {}
        for tool in tools:
            self._answers[tool.__name__] = get_type_hints(tool)["return"]
            self.add_tool(tool, annotations=_READ_ONLY)

    async def call_tool(self, name: str, arguments: dict[str, Any], context: Any = None) -> Any:
        """See `MCPServer.call_tool`. A call that did not run is also an error of the protocol.

        Raises:
            ToolError: there is no such tool, or the base class raises it.
        """
        tool = next((tool for tool in await self.list_tools() if tool.name == name), None)
        if tool is None:
            raise ToolError(f"there is no tool {shown(name)}; there are {', '.join(self._answers)}")
        known = tool.input_schema["properties"]
        try:
            if (error := unknown(name, arguments, known)) is not None:
                raise error
            result = await super().call_tool(name, arguments, context)
        except ToolError as failed:
            if isinstance(failed, UnexpectedToolError) or not isinstance(failed.__cause__, ValidationError):
                raise
            result = _result(self._answers[name].failed(refusal(name, failed.__cause__, known)))
        except InputError as error:
            result = _result(self._answers[name].failed(error))
        if isinstance(result, CallToolResult) and not (result.structured_content or {}).get("success", True):
            return result.model_copy(update={"is_error": True})
        return result

    async def run_stdio_async(self) -> None:
        """See `MCPServer.run_stdio_async`; every line is answered."""
        async with stdio.answered() as (messages, answers):
            await self._lowlevel_server.run(messages, answers, self._lowlevel_server.create_initialization_options())


def _result(answer: ToolAnswer) -> CallToolResult:
    text = TextContent(type="text", text=answer.model_dump_json(indent=2))
    return CallToolResult(content=[text], structured_content=answer.model_dump(mode="json"))


def build(service: Callable[[], Awaitable[Service]], settings: Settings, callers: Callers, url: str = "") -> MCPServer:
    """Return a server whose tools use `service`; `url` is its HTTP address, empty for stdio."""
    verifying = callers.asked and bool(url)
    server = _Server(
        "leansieve",
        title="leansieve",
        instructions=_INSTRUCTIONS,
        version=importlib.metadata.version("leansieve"),
        log_level="ERROR",
        auth=AuthSettings(issuer_url=AnyHttpUrl(url), resource_server_url=None) if verifying else None,
        token_verifier=callers if verifying else None,
    )
    statements = StatementTools(service, settings, callers.admitting)
    source_files = FileTools(service, settings, callers.admitting)
    server.offer(
        statements.lean_prove,
        statements.lean_disprove,
        source_files.lean_fill_sorries,
        statements.lean_check,
        statements.lean_check_batch,
        source_files.lean_verify,
        source_files.lean_run_code,
        source_files.lean_goal,
        source_files.lean_multi_attempt,
        source_files.lean_suggest_tactics,
        statements.lean_suggest_for_goal,
        statements.lean_hint,
        statements.lean_local_search,
    )

    @server.resource("leansieve://verdicts", mime_type="text/markdown")
    def verdicts() -> str:
        """Names and meanings of verdicts."""
        return "\n".join(f"- `{kind.name}`: {meaning}" for kind, meaning in _VERDICTS.items())

    @server.resource("leansieve://trust", mime_type="text/markdown")
    def trust() -> str:
        """Tiers of trust, lowest first, with their guarantees."""
        return "\n".join(f"- `{tier.name}`: {meaning}" for tier, meaning in _TRUSTS.items())

    @server.resource("leansieve://server", mime_type="application/json")
    async def about() -> dict[str, object]:
        """Version of Lean, workers, samplers and limits of this server."""
        info = await (await service()).info()
        return {
            "version": info.version,
            "lean": info.lean,
            "runtime": info.runtime,
            "workers": info.workers,
            "samplers": list(info.samplers),
            "policies": list(info.policies),
            "highest_trust": info.highest_trust.name,
            "seconds_per_check": info.default.limits.seconds,
        }

    return server
