#!/bin/sh
# mcp 2.3.0: a tool that returns NaN breaks its own schema, and the client raises.
#
# A tool that is annotated as `float` returns NaN. The server publishes the schema {"type": "number"} for its result, and sends
# null for the structured result; the same package's client raises RuntimeError, which is no answer of the tool. Infinity inside an
# object does the same. Expected: an answer with an error that says what the tool returned, as for a result of another type.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check mcp==2.3.0
cd "$folder"
cat >look.py <<'EOF'
import asyncio
import logging
import math

from mcp import Client
from mcp.server.mcpserver import MCPServer

logging.disable(logging.CRITICAL)
server = MCPServer("a")


@server.tool()
def number() -> float:
    return math.nan


@server.tool()
def numbers() -> dict[str, float]:
    return {"a": math.inf}


@server.tool()
def text() -> float:
    return "text"


async def main() -> None:
    async with Client(server) as client:
        for name in ("number", "numbers", "text"):
            try:
                print(name, "is an error" if (await client.call_tool(name)).is_error else "has an answer")
            except RuntimeError as error:
                print(name, "raises", str(error).split(chr(10))[0])


asyncio.run(main())
EOF
seen=$(venv/bin/python look.py)
expected="number raises Invalid structured content returned by tool number: None is not of type 'number'
numbers raises Invalid structured content returned by tool numbers: None is not of type 'number'
text is an error"
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
