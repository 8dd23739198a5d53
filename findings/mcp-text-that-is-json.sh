#!/bin/sh
# mcp 2.3.0: text that happens to be JSON is no text for an optional parameter.
#
# Texts among the arguments are parsed as JSON unless the parameter is exactly `str`. For `str | None` the text null
# becomes None, and a text that is a list of JSON is refused as no string, though the client sent a string and the
# schema allows it. Expected: the text that was sent.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check mcp==2.3.0
cd "$folder"
cat >look.py <<'EOF'
import asyncio
import logging

from mcp.server.mcpserver import MCPServer

logging.disable(logging.CRITICAL)
server = MCPServer("a")


@server.tool()
def show(plain: str = "", optional: str | None = "") -> str:
    return repr((plain, optional))


async def main() -> None:
    for text in ("null", "[1]", "text"):
        for name in ("plain", "optional"):
            try:
                print(name, text, (await server.call_tool("show", {name: text})).content[0].text)
            except Exception as error:
                print(name, text, type(error).__name__)


asyncio.run(main())
EOF
seen=$(venv/bin/python look.py)
expected="plain null ('null', '')
optional null ('', None)
plain [1] ('[1]', '')
optional [1] ToolError
plain text ('text', '')
optional text ('', 'text')"
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
