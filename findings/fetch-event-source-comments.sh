#!/bin/sh
# @microsoft/fetch-event-source 2.0.1: a comment that keeps a stream open is a message without data.
#
# Servers send a line that begins with a colon, and often an empty line behind it, so that proxies do not close a quiet stream. By the
# standard (HTML, server-sent events) that dispatches nothing. Here onmessage is called with an empty text, which JSON.parse refuses; that
# ends the stream, and by its own rule the package asks again: a POST that began something long begins it twice. An event that sets only
# `id` or `retry` does the same. eventsource-parser 3.1.1 reads the same bytes as the standard says. Expected: one message.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts @microsoft/fetch-event-source@2.0.1 eventsource-parser@3.1.1 >/dev/null
cat >look.mjs <<'EOF'
import { createParser } from "eventsource-parser";
import { getLines, getMessages } from "./node_modules/@microsoft/fetch-event-source/lib/esm/parse.js";

const stream = ': still at it\n\nretry: 500\n\nevent: proof\ndata: {"text": "by omega"}\n\n';
const standard = [];
createParser({ onEvent: ({ data }) => standard.push(data) }).feed(stream);
const package_ = [];
getLines(getMessages(() => {}, () => {}, ({ data }) => package_.push(data)))(new TextEncoder().encode(stream));
console.log("eventsource-parser", JSON.stringify(standard));
console.log("fetch-event-source", JSON.stringify(package_));
EOF
seen=$(node look.mjs 2>/dev/null)
expected='eventsource-parser ["{\"text\": \"by omega\"}"]
fetch-event-source ["","","{\"text\": \"by omega\"}"]'
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
