#!/bin/sh
# mcp 2.3.0: arguments that a tool does not have are dropped.
#
# A model that misspells an optional argument gets an answer for the default, and no sign of it; what the tool's schema
# does not list is not refused. Expected: an error that names the argument, as a call of the function itself has it.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check mcp==2.3.0
cd "$folder"
cat >look.py <<'EOF'
import asyncio

from mcp.server.mcpserver import MCPServer

server = MCPServer("a")


@server.tool()
def wait(seconds: int = 60) -> int:
    return seconds


async def main() -> None:
    result = await server.call_tool("wait", {"secs": 5})
    print(result.is_error, result.content[0].text)


asyncio.run(main())
EOF
seen=$(venv/bin/python look.py)
expected="False 60"
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
