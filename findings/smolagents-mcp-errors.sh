#!/bin/sh
# smolagents 1.26.0 with mcpadapt 0.1.19: a tool's error is its answer, and an optional integer a text.
#
# `smolagents[mcp]` installs mcp 2.3.0, with which it does not work: it asks for the extra that is there. With mcp 1.30.0 and websockets beside it, a
# result marked `isError` is returned like any other, so that the agent's code goes on with the message as if it were a proof. A
# parameter `integer or null` is described to the model as a string, which a strict server refuses. Of two texts the second is
# dropped, with a warning on a log. Expected: an exception for the error, an integer, and both texts.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip() { "$folder/venv/bin/pip" install --quiet --disable-pip-version-check "$@"; }
pip 'smolagents[mcp]==1.26.0' mcpadapt==0.1.19 mcp==2.3.0
cd "$folder"
cat >serve.py <<'EOF'
import json
import sys

LINE = {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None, "description": "Line of the file."}
SCHEMA = {"type": "object", "properties": {"line": LINE}}
ANSWERS = {"fails": {"content": [{"type": "text", "text": "no such lemma"}], "isError": True},
           "finds": {"content": [{"type": "text", "text": "by omega"}, {"type": "text", "text": "by simp"}]}}
for line in sys.stdin:
    message = json.loads(line)
    if message["method"] == "initialize":
        version = message["params"]["protocolVersion"]
        result = {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": {"name": "prover", "version": "1"}}
    elif message["method"] == "tools/list":
        result = {"tools": [{"name": name, "description": name, "inputSchema": SCHEMA} for name in ANSWERS]}
    elif message["method"] == "tools/call":
        result = ANSWERS[message["params"]["name"]]
    else:
        result = {}
    if "id" in message:
        print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)
EOF
cat >look.py <<'EOF'
import sys

from mcp import StdioServerParameters
from smolagents import ToolCollection

try:
    with ToolCollection.from_mcp(
        StdioServerParameters(command=sys.executable, args=["serve.py"]), trust_remote_code=True, structured_output=False
    ) as collection:
        tools = {tool.name: tool for tool in collection.tools}
        print("line is of type", tools["fails"].inputs["line"]["type"])
        print("fails returns", repr(tools["fails"](line=3)))
        print("finds returns", repr(tools["finds"](line=3)))
except ImportError as error:
    print(str(error).replace("\n", " "))
EOF
seen=$(venv/bin/python look.py 2>/dev/null)
pip mcp==1.30.0 websockets==17.4
seen="$seen
$(venv/bin/python look.py 2>/dev/null)"
expected="Please install 'mcp' extra to use ToolCollection.from_mcp: \`pip install 'smolagents[mcp]'\`.
line is of type string
fails returns 'no such lemma'
finds returns 'by omega'"
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
