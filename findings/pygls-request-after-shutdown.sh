#!/bin/sh
# pygls 2.1.1: a request behind `shutdown` is never answered.
#
# The Language Server Protocol says of requests that come after `shutdown`: they are answered with the error InvalidRequest
# (-32600). The server drops them, so that a client waits for ever. Expected: the error.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pygls==2.1.1
cd "$folder"
cat >look.py <<'EOF'
import json
import subprocess
import sys

SERVER = "from pygls.lsp.server import LanguageServer; LanguageServer('a', '1').start_io()"
server = subprocess.Popen([sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

def say(method, params, number=None):
    message = {"jsonrpc": "2.0", "method": method, "params": params} | ({} if number is None else {"id": number})
    body = json.dumps(message).encode()
    server.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
    server.stdin.flush()

say("initialize", {"processId": None, "rootUri": None, "capabilities": {}}, 1)
say("initialized", {})
say("shutdown", None, 2)
say("workspace/symbol", {"query": ""}, 3)
say("exit", None)
out, _ = server.communicate(timeout=60)
for number in (1, 2, 3):
    print("request", number, "was answered" if b'"id": %d' % number in out or b'"id":%d' % number in out else "was not answered")
EOF
seen=$(venv/bin/python look.py)
expected="request 1 was answered
request 2 was answered
request 3 was not answered"
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
