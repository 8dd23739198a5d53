#!/bin/sh
# @modelcontextprotocol/sdk 1.32.2: reports of progress that arrive together with the answer are lost.
#
# A server reports progress three times and answers. If a client reads all of that in one piece, as happens with a quick tool over stdio,
# `onprogress` is not called: notifications are handled later than answers, and an answer removes the callback. `onerror` gets
# "unknown token" for each report. The last reports of a tool, such as the count of what is done, are lost now and then. The client of the
# Python package gets all of them. Expected: three calls of `onprogress`, in the order in which the messages came.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts @modelcontextprotocol/sdk@1.32.2 >/dev/null
cat >serve.mjs <<'EOF'
import { createInterface } from "node:readline";
for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, params } = JSON.parse(line);
  const said = [];
  if (method === "initialize") {
    const { protocolVersion } = params;
    said.push({ id, result: { protocolVersion, capabilities: { tools: {} }, serverInfo: { name: "prover", version: "1" } } });
  } else if (method === "tools/call") {
    const { progressToken } = params._meta;
    for (const progress of [1, 2, 3]) said.push({ method: "notifications/progress", params: { progressToken, progress, total: 3 } });
    said.push({ id, result: { content: [{ type: "text", text: "3 of 3 proved" }] } });
  }
  const lines = said.map((message) => JSON.stringify({ jsonrpc: "2.0", ...message }) + "\n");
  if (params?.name === "slow") for (const one of lines) await new Promise((done) => process.stdout.write(one, () => setTimeout(done, 200)));
  else process.stdout.write(lines.join(""));
}
EOF
cat >look.mjs <<'EOF'
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
const client = new Client({ name: "agent", version: "1" });
const errors = [];
client.onerror = (error) => errors.push(error.message.split(":")[0]);
await client.connect(new StdioClientTransport({ command: process.execPath, args: ["serve.mjs"] }));
for (const name of ["slow", "quick"]) {
  const seen = [];
  const { content } = await client.callTool({ name }, undefined, { onprogress: ({ progress }) => seen.push(progress) });
  await new Promise((done) => setTimeout(done, 200));
  console.log(name, JSON.stringify(seen), content[0].text);
}
console.log(JSON.stringify(errors));
await client.close();
EOF
seen=$(node look.mjs)
expected='slow [1,2,3] 3 of 3 proved
quick [] 3 of 3 proved
["Received a progress notification for an unknown token","Received a progress notification for an unknown token","Received a progress notification for an unknown token"]'
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
