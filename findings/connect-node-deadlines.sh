#!/bin/sh
# @connectrpc/connect-node 2.3.0: a deadline with a fraction of a millisecond is an error, and so are the calls behind it; a long one ends at once.
#
# `timeoutMs` is any number of milliseconds, such as what is left of an earlier deadline by `performance.now()`. Over gRPC 250000.7 is sent as
# `250000.7m`, where the protocol has digits alone. A server with grpcio 1.85.1 answers INTERNAL, "Error parsing 'grpc-timeout' metadata", and from
# then on gives that answer to each call of the same connection that has a deadline, though these are sent as they should be. A timeoutMs
# above 2^31 - 1, or Infinity, as for a search of a month, is DeadlineExceeded after a millisecond: Node's timer does not hold it. Expected: the
# answer, as for 250000.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check grpcio-tools==1.85.1
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts @connectrpc/connect@2.3.0 @connectrpc/connect-node@2.3.0 \
  @bufbuild/protobuf@2.17.0 @bufbuild/protoc-gen-es@2.13.0 >/dev/null
cat >prover.proto <<'EOF'
syntax = "proto3";
package a;
message Theorem { string name = 1; }
service Prover { rpc Prove(Theorem) returns (Theorem); }
EOF
venv/bin/python -m grpc_tools.protoc -I. --plugin=protoc-gen-es=node_modules/.bin/protoc-gen-es --es_out=. --es_opt=target=js prover.proto
mv prover_pb.js prover_pb.mjs
cat >serve.py <<'EOF'
import concurrent.futures
import subprocess

import grpc

server = grpc.server(concurrent.futures.ThreadPoolExecutor(1))
methods = {"Prove": grpc.unary_unary_rpc_method_handler(lambda request, context: request)}
server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("a.Prover", methods),))
address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
server.start()
subprocess.run(["node", "ask.mjs", address], check=True, timeout=300)
server.stop(None)
EOF
cat >ask.mjs <<'EOF'
import { Code, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { Prover } from "./prover_pb.mjs";
for (const connection of [[250000], [250000.7, 250000, 250000, undefined], [2 ** 31 - 1], [2 ** 31], [Infinity]]) {
  const client = createClient(Prover, createGrpcTransport({ baseUrl: `http://${process.argv[2]}` }));
  console.log("a new connection");
  for (const timeoutMs of connection)
    try {
      console.log(timeoutMs, (await client.prove({ name: "add_comm" }, { timeoutMs })).name);
    } catch (error) {
      console.log(timeoutMs, Code[error.code], error.rawMessage);
    }
}
process.exit();
EOF
seen=$(venv/bin/python serve.py 2>/dev/null)
expected="a new connection
250000 add_comm
a new connection
250000.7 Internal Error parsing 'grpc-timeout' metadata
250000 Internal Error parsing 'grpc-timeout' metadata
250000 Internal Error parsing 'grpc-timeout' metadata
undefined add_comm
a new connection
2147483647 add_comm
a new connection
2147483648 DeadlineExceeded the operation timed out
a new connection
Infinity DeadlineExceeded the operation timed out"
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
