#!/bin/sh
# @grpc/proto-loader 0.8.1 with protobufjs 7.6.6: a value of the wrong kind is sent as another value.
#
# What a client in JavaScript sends is converted, never checked: the text "false" for a bool is true, 2.5 for an int32 is 2, 2^32 + 5 is 5,
# "many" is 0, a name that the enum does not have, and a field that the message does not have, are left out. The server sees valid
# requests that are not those of the client, with its own defaults where something stricter was asked for. Expected: an error, as in
# Python, or as here for a text in place of a message.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts @grpc/proto-loader@0.8.1 protobufjs@7.6.6 >/dev/null
cat >a.proto <<'EOF'
syntax = "proto3";
package a;
enum Trust { TRUST_UNSPECIFIED = 0; TRUST_ELABORATED = 1; TRUST_REPLAYED = 2; }
message Ask { bool store = 1; int32 proofs = 2; optional Trust trust = 3; Limits limits = 4; }
message Limits { int64 heartbeats = 1; }
service Prover { rpc Prove(Ask) returns (Ask); }
EOF
cat >look.js <<'EOF'
const method = require("@grpc/proto-loader").loadSync("a.proto", { longs: String, enums: String, keepCase: true })["a.Prover"].Prove;
const asked = [
  { store: "false" },
  { proofs: 2.5 },
  { proofs: 2 ** 32 + 5 },
  { proofs: "many" },
  { limits: { heartbeats: "many" } },
  { trust: "TRUST_REPLAYED" },
  { trust: "TRUST_REPLAID" },
  { trusts: "TRUST_REPLAYED" },
  { limits: "none" },
];
for (const message of asked) {
  let sent;
  try {
    sent = JSON.stringify(method.requestDeserialize(method.requestSerialize(message)));
  } catch (error) {
    sent = error.message;
  }
  console.log(JSON.stringify(message), sent);
}
EOF
seen=$(node look.js)
expected='{"store":"false"} {"store":true}
{"proofs":2.5} {"proofs":2}
{"proofs":4294967301} {"proofs":5}
{"proofs":"many"} {"proofs":0}
{"limits":{"heartbeats":"many"}} {"limits":{"heartbeats":"0"}}
{"trust":"TRUST_REPLAYED"} {"trust":"TRUST_REPLAYED"}
{"trust":"TRUST_REPLAID"} {}
{"trusts":"TRUST_REPLAYED"} {}
{"limits":"none"} .a.Ask.limits: object expected'
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
