#!/bin/sh
# @ai-sdk/mcp 2.0.99: a model is not told that a tool failed, nor what its structured answer is.
#
# A tool of an MCP server answers with `isError: true`. `execute` does not throw, and what `toModelOutput` makes of it for the model has the type
# `content`, as of a proof that was found; the SDK has `error-text` for that, and marks what a tool throws. An answer whose facts are in
# `structuredContent`, beside a short text, reaches the model as the text alone, unless the caller repeats the tool's schema. Expected: an
# error, and the structured content, as the protocol has it for answers with a schema.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts @ai-sdk/mcp@2.0.99 zod@4.6.7 >/dev/null
cat >serve.mjs <<'EOF'
import { createInterface } from "node:readline";
const text = (text) => [{ type: "text", text }];
const answers = {
  fails: { content: text("no such lemma"), isError: true },
  finds: { content: text("1 proof"), structuredContent: { proofs: ["by omega"] } },
};
const object = { type: "object", properties: {} };
const outputSchema = { type: "object", properties: { proofs: { type: "array", items: { type: "string" } } } };
for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, params } = JSON.parse(line);
  let result = {};
  if (method === "initialize") {
    const { protocolVersion } = params;
    result = { protocolVersion, capabilities: { tools: {} }, serverInfo: { name: "prover", version: "1" } };
  } else if (method === "tools/list") {
    result = { tools: Object.keys(answers).map((name) => ({ name, inputSchema: object, outputSchema })) };
  } else if (method === "tools/call") result = answers[params.name];
  if (id !== undefined) process.stdout.write(JSON.stringify({ jsonrpc: "2.0", id, result }) + "\n");
}
EOF
cat >look.mjs <<'EOF'
import { createMCPClient } from "@ai-sdk/mcp";
import { Experimental_StdioMCPTransport as Transport } from "@ai-sdk/mcp/mcp-stdio";
const client = await createMCPClient({ transport: new Transport({ command: process.execPath, args: ["serve.mjs"] }) });
for (const [name, tool] of Object.entries(await client.tools())) {
  const output = await tool.execute({}, { toolCallId: "1", messages: [] });
  console.log(name, "is an error:", output.isError, "- the model gets", JSON.stringify(await tool.toModelOutput({ toolCallId: "1", input: {}, output })));
}
await client.close();
EOF
seen=$(node look.mjs)
expected='fails is an error: true - the model gets {"type":"content","value":[{"type":"text","text":"no such lemma"}]}
finds is an error: false - the model gets {"type":"content","value":[{"type":"text","text":"1 proof"}]}'
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
