#!/bin/sh
# @mlc-ai/web-xgrammar 0.1.27: a length or a pattern makes a string of JSON one that JSON does not have.
#
# A grammar made from a JSON schema guides a model to valid JSON. Of a string with `minLength`, `maxLength` or `pattern` it judges the letters
# as they are written. With a length no escape is possible: a proof with a line end, a quote or a backslash cannot be written at all, and
# a model that wants one has to go on with another letter. Raw tabs and, with a pattern, raw quotes are taken instead, so the answer may be
# no JSON. Without the three it is right. The Python package 0.2.8, vLLM's default for structured answers, refuses the same proofs (seen by
# hand; raw tabs were not tried there). Expected: lengths and patterns judge the decoded string, as JSON Schema has it.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts @mlc-ai/web-xgrammar@0.1.27 >/dev/null
cp node_modules/@mlc-ai/web-xgrammar/lib/index.js xgrammar.cjs # CommonJS, in a package that says that it is not
cat >look.mjs <<'EOT'
import xgrammar from "./xgrammar.cjs";
const { Grammar, Testings } = xgrammar;
const proofs = ["by simp", "by\n  simp", 'exact "a"', "fun x \\ y"];
for (const limit of [{}, { minLength: 1 }, { maxLength: 200 }, { pattern: "^[^z]*$" }]) {
  const grammar = await Grammar.fromJSONSchema(JSON.stringify({ type: "string", ...limit }));
  const taken = (text) => Testings.isGrammarAcceptString(grammar, text);
  const valid = await Promise.all(proofs.map((proof) => taken(JSON.stringify(proof))));
  const invalid = [await taken('"by\tsimp"'), await taken('"exact "a""')];
  console.log(JSON.stringify(limit), "valid:", valid.join(" "), "invalid:", invalid.join(" "));
}
process.exit(0);
EOT
seen=$(node look.mjs)
expected='{} valid: true true true true invalid: false false
{"minLength":1} valid: true false false false invalid: true false
{"maxLength":200} valid: true false false false invalid: true false
{"pattern":"^[^z]*$"} valid: true true true true invalid: true true'
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
