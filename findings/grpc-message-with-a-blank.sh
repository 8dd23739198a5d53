#!/bin/sh
# grpcio 1.85.1 and @grpc/grpc-js 1.14.7: a message of an error that begins or ends with a blank arrives empty.
#
# A server in Python ends a call with the message "no such lemma: ", a client in JavaScript sees the code and an empty text; the same with
# metadata of such a value. gRPC leaves blanks in `grpc-message` as they are, HTTP/2 (RFC 9113, 8.2.1) forbids them at the ends of a
# header, and Node (20.20) drops the header without a word. A client in Python sees the whole text, so that no test there shows it. Expected: the
# text, for which a server would have to write %20.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check grpcio==1.85.1
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts @grpc/grpc-js@1.14.7 >/dev/null
cat >serve.py <<'EOF'
import concurrent.futures
import json
import subprocess

import grpc

MESSAGES = ["no such lemma", "no such lemma: ", " no such lemma", "no such lemma:\n"]


def answer(request, context):
    context.set_trailing_metadata((("lemma", "add_comm "), ("place", "1:2")))
    context.abort(grpc.StatusCode.INVALID_ARGUMENT, MESSAGES[request[0]])


server = grpc.server(concurrent.futures.ThreadPoolExecutor(1))
methods = {"Prove": grpc.unary_unary_rpc_method_handler(answer)}
server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("a.Prover", methods),))
address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
server.start()
call = grpc.insecure_channel(address).unary_unary("/a.Prover/Prove")
for number in range(len(MESSAGES)):
    try:
        call(bytes([number]))
    except grpc.RpcError as error:
        print("Python", json.dumps(error.details()), json.dumps(dict(error.trailing_metadata())), flush=True)
subprocess.run(["node", "ask.js", address, str(len(MESSAGES))], check=True, timeout=60)
server.stop(None)
EOF
cat >ask.js <<'EOF'
const grpc = require("@grpc/grpc-js");
const [address, count] = process.argv.slice(2);
const client = new grpc.Client(address, grpc.credentials.createInsecure());
const call = (number) =>
  new Promise((done) => {
    client.makeUnaryRequest("/a.Prover/Prove", (bytes) => bytes, (bytes) => bytes, Buffer.from([number]), (error) => {
      const { "content-type": _, ...metadata } = error.metadata.getMap();
      console.log("JavaScript", JSON.stringify(error.details), JSON.stringify(metadata));
      done();
    });
  });
(async () => {
  for (let number = 0; number < Number(count); number++) await call(number);
  client.close();
})();
EOF
seen=$(venv/bin/python serve.py)
expected='Python "no such lemma" {"lemma": "add_comm ", "place": "1:2"}
Python "no such lemma: " {"lemma": "add_comm ", "place": "1:2"}
Python " no such lemma" {"lemma": "add_comm ", "place": "1:2"}
Python "no such lemma:\n" {"lemma": "add_comm ", "place": "1:2"}
JavaScript "no such lemma" {"place":"1:2"}
JavaScript "" {"place":"1:2"}
JavaScript "" {"place":"1:2"}
JavaScript "no such lemma:\n" {"place":"1:2"}'
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
