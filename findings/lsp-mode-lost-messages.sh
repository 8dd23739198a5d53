#!/bin/sh
# lsp-mode 8.0.0: a request that arrives together with the answer that lsp-mode waits for is lost.
#
# A server answers `workspace/executeCommand` and, in the same write, asks for `window/workDoneProgress/create`. Expected: the answer to that
# request. lsp-mode waits for the command's answer and leaves its reader as soon as that is there, with what was read behind it.
# Needs emacs and lsp-mode (Debian: emacs-nox, elpa-lsp-mode).
set -eu
command -v emacs >/dev/null || { echo "there is no emacs here" >&2; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/server.py" <<'EOF'
import json, sys

def framed(message):
    body = json.dumps({"jsonrpc": "2.0", **message}).encode()
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)

def send(*messages):
    sys.stdout.buffer.write(b"".join(map(framed, messages)))
    sys.stdout.buffer.flush()

while head := sys.stdin.buffer.readline():
    size = int(head.split(b":")[1])
    while sys.stdin.buffer.readline().strip():
        pass
    message = json.loads(sys.stdin.buffer.read(size))
    method, number = message.get("method"), message.get("id")
    if method == "initialize":
        send({"id": number, "result": {"capabilities": {"executeCommandProvider": {"commands": ["go"]}}}})
    elif method == "workspace/executeCommand":
        create = {"id": f"create-{message['params']['arguments'][0]}", "method": "window/workDoneProgress/create", "params": {"token": "t"}}
        send(*([{"id": number, "result": None}, create] if message["params"]["arguments"][0] == "together" else [create, {"id": number, "result": None}]))
    elif method is None:
        print(number, "was answered", file=open("answers", "a"))
EOF
printf 'x\n' >"$folder/a.txt"
cd "$folder"
HOME=$folder emacs --batch --eval '(progn
  (package-initialize)
  (require (quote lsp-mode))
  (setq lsp-auto-guess-root t lsp-session-file "session")
  (add-to-list (quote lsp-language-id-configuration) (quote (text-mode . "text")))
  (lsp-register-client (make-lsp-client :new-connection (lsp-stdio-connection (quote ("python3" "server.py"))) :activation-fn (lsp-activate-on "text") :server-id (quote look)))
  (find-file "a.txt")
  (text-mode)
  (lsp)
  (while (not (lsp-feature? "workspace/executeCommand")) (accept-process-output nil 0.05))
  (dolist (how (list "before" "together"))
    (lsp-request "workspace/executeCommand" (list :command "go" :arguments (vector how)))
    (with-timeout (2) (while t (accept-process-output nil 0.05)))))' >/dev/null 2>&1 || true
seen=$(for how in before together; do grep -qs "create-$how" answers && echo "$how: answered" || echo "$how: lost"; done)
expected="before: answered
together: lost"
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
