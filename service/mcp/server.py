"""The MCP server: the tools, a few resources that explain their vocabulary, and the two transports."""

import asyncio
import importlib.metadata
from collections.abc import Awaitable, Callable
from typing import Any

from mcp.server import MCPServer
from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations
from pydantic import AnyHttpUrl

from prover.errors import UserError
from prover.requests import Service
from prover.verdict import Trust, VerdictKind
from service.auth.tls import http_context
from service.client.address import Address, refuse_unprotected
from service.core.limits.text import printable
from service.mcp.callers import Callers
from service.mcp.tools import Tools
from service.ops.config import Settings
from service.ops.connections.descriptors import raise_limit
from service.ops.connections.guests import ConnectionBounds, Guests
from service.ops.connections.listener import Listener
from service.ops.metrics.recorder import Recorder

_INSTRUCTIONS = (
    "Lean 4 proof search and checking. `success` means that a tool ran; `ok` means that Lean's kernel accepted. "
    "lean_check, lean_verify and lean_multi_attempt judge proofs that you wrote; lean_prove and lean_fill_sorries search "
    "proofs; lean_goal and lean_suggest_tactics look at one place; lean_hint helps a learner without giving the proof away; "
    "lean_local_search finds declarations of the library. Lines and columns count from 1. No tool edits a file."
)
_VERDICTS = {
    VerdictKind.VERIFIED: "the kernel accepted this proof of this statement",
    VerdictKind.REJECTED: "Lean reports an error",
    VerdictKind.INCOMPLETE: "the proof uses sorry, or leaves goals open",
    VerdictKind.FORBIDDEN: "the proof uses a construct that is not allowed",
    VerdictKind.STATEMENT_CHANGED: "something else than the statement was proved",
    VerdictKind.AXIOM_NOT_ALLOWED: "the proof rests on a non-standard axiom",
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
    """Rejects unknown arguments of tools, which the base class would ignore without telling the agent."""

    async def call_tool(self, name: str, arguments: dict[str, Any], context: Any = None) -> Any:
        """See `MCPServer.call_tool`.

        Raises:
            ToolError: an argument is unknown, or the base class raises it.
        """
        known = next(
            (tool.input_schema["properties"] for tool in await self.list_tools() if tool.name == name), arguments
        )
        if unknown := sorted(arguments.keys() - known.keys()):
            raise ToolError(f"{name} has no argument {printable(unknown[0])}; it has {', '.join(known)}")
        return await super().call_tool(name, arguments, context)


def build(service: Callable[[], Awaitable[Service]], settings: Settings, callers: Callers, url: str = "") -> MCPServer:
    """Return a server whose tools use `service`; `url` is its HTTP address, empty for stdio."""
    verifying = callers.asked and bool(url)
    server: MCPServer = _Server(
        "leansieve",
        title="leansieve",
        instructions=_INSTRUCTIONS,
        version=importlib.metadata.version("leansieve"),
        log_level="ERROR",
        auth=AuthSettings(issuer_url=AnyHttpUrl(url), resource_server_url=None) if verifying else None,
        token_verifier=callers if verifying else None,
    )
    tools = Tools(service, settings, callers.admitting)
    for tool in (
        tools.lean_prove,
        tools.lean_disprove,
        tools.lean_fill_sorries,
        tools.lean_check,
        tools.lean_check_batch,
        tools.lean_verify,
        tools.lean_run_code,
        tools.lean_goal,
        tools.lean_multi_attempt,
        tools.lean_suggest_tactics,
        tools.lean_suggest_for_goal,
        tools.lean_hint,
        tools.lean_local_search,
    ):
        server.add_tool(tool, annotations=_READ_ONLY)

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


async def serve_http(
    service: Callable[[], Awaitable[Service]], settings: Settings, listen: str, ready: Callable[[str], None]
) -> None:
    """Serve streamable HTTP at `http://LISTEN/mcp` until cancelled; `ready` is called with the address.

    Raises:
        UserError: the address cannot be bound, or other machines could reach it without encryption or authentication.
    """
    refuse_unprotected(listen, settings)
    address, security = Address.parse(listen), settings.security
    try:
        bound = address.bound()
    except OSError as error:
        raise UserError(f"cannot serve MCP on {listen}: {error.strerror}; choose another address with --http") from None
    scheme = "https" if security.encrypted else "http"
    url = f"{scheme}://{listen.rpartition(':')[0]}:{bound.getsockname()[1]}"
    server = build(service, settings, Callers(settings), url)
    app = server.streamable_http_app(host=address.host)
    guests = Guests(ConnectionBounds.of(settings.server, raise_limit()), Recorder().connections("mcp"))
    listener = Listener(bound, app, guests, http_context(security) if security.encrypted else None)
    async with server.session_manager.run():
        await listener.start()
        ready(f"{url}/mcp")
        try:
            await asyncio.Event().wait()
        finally:
            await listener.close()
