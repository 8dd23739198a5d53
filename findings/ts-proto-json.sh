#!/bin/sh
# ts-proto 2.18.0: a duration of JSON is read as 0 seconds, and written as no other library reads it.
#
# `fromJSON` and `toJSON` of generated messages are for protobuf's JSON, in which a duration is the text "1.5s". It is read as
# `{"seconds": 0, "nanos": 0}`, without a word, and written as `{"seconds": 1, "nanos": 500000000}`, which Python's library refuses. The text
# "9007199254740993" of an int64 becomes 9007199254740992, while the same number in binary raises, and paths of field masks are left as
# they are: `trust_level` in the message, `trustLevel` in JSON. Times and wrapped numbers are right. Expected: "1.5s" both ways, an error for what
# a number cannot hold, and both forms of a path.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts @bufbuild/buf@1.75.0 @bufbuild/protobuf@2.17.0 esbuild@0.28.2 \
  ts-proto@2.18.0 >/dev/null
cat >search.proto <<'EOF'
syntax = "proto3";
package a;
import "google/protobuf/duration.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
message Search {
  google.protobuf.Duration timeout = 1;
  int64 seed = 2;
  google.protobuf.FieldMask shown = 3;
  google.protobuf.Timestamp begun = 4;
  google.protobuf.Int32Value proofs = 5;
}
EOF
cat >buf.gen.yaml <<'EOF'
version: v2
plugins:
  - local: node_modules/.bin/protoc-gen-ts_proto
    out: .
    include_imports: true
    include_wkt: true
EOF
node_modules/.bin/buf generate
node_modules/.bin/esbuild search.ts --bundle --platform=node --format=esm --outfile=search.mjs --log-level=error
cat >look.mjs <<'EOF'
import { Search } from "./search.mjs";
const read = { timeout: "1.5s", seed: "9007199254740993", shown: "trustLevel", begun: "2026-11-29T01:00:00+02:00", proofs: 5 };
for (const [name, value] of Object.entries(read)) console.log("read", name, JSON.stringify(value), JSON.stringify(Search.fromJSON(read)[name]));
const written = { timeout: { seconds: 1, nanos: 5e8 }, shown: ["trust_level"], begun: new Date(0), proofs: 5 };
for (const [name, value] of Object.entries(Search.toJSON(Search.fromPartial(written)))) console.log("written", name, JSON.stringify(value));
try {
  console.log("binary", Search.decode(Uint8Array.from([0x10, 0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10])).seed);
} catch (error) {
  console.log("binary", error.message);
}
EOF
seen=$(TZ=UTC node look.mjs)
expected='read timeout "1.5s" {"seconds":0,"nanos":0}
read seed "9007199254740993" 9007199254740992
read shown "trustLevel" ["trustLevel"]
read begun "2026-11-29T01:00:00+02:00" "2026-11-28T23:00:00.000Z"
read proofs 5 5
written timeout {"seconds":1,"nanos":500000000}
written shown "trust_level"
written begun "1970-01-01T00:00:00.000Z"
written proofs 5
binary Value is larger than Number.MAX_SAFE_INTEGER'
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
