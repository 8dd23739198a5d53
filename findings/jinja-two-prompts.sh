#!/bin/sh
# Jinja2 3.1.6 and @huggingface/jinja 0.5.11: one chat template, two prompts.
#
# transformers renders chat templates with Jinja2, transformers.js with its own renderer of the same language. There None is empty and True
# is true, default() replaces None, 0.0 is 0 as JSON too, the text "1" equals the number 1, -7 % 3 is -1, an integer beyond 2^53 is another
# one, and 𝔽 counts twice. Nothing is raised: the model reads another prompt than it was trained with. Expected: one prompt, that of
# Jinja2, whose name the templates have, or an error.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check jinja2==3.1.6
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts @huggingface/jinja@0.5.11 >/dev/null
cat >look.py <<'EOF'
import json
import subprocess

import jinja2.sandbox

TEMPLATES = [
    "{{ message.content }}",
    "{{ message.content | default('nothing') }}",
    "strict={{ strict }}",
    "{{ {'minimum': 0.0, 'maximum': 0.5} | tojson }}",
    "{{ -7 % 3 }}",
    "{{ '1' == 1 }}",
    "{{ 9007199254740993 }}",
    "{{ goal | length }}",
]
VALUES = {"message": {"content": None}, "strict": True, "goal": "𝔽 is finite"}
environment = jinja2.sandbox.ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
environment.filters["tojson"] = lambda value: json.dumps(value, ensure_ascii=False)
with open("asked.json", "w") as file:
    json.dump({"templates": TEMPLATES, "values": VALUES}, file)
others = json.loads(subprocess.run(["node", "look.mjs"], check=True, capture_output=True, text=True).stdout)
for template, other in zip(TEMPLATES, others, strict=True):
    print(f"{template} [{environment.from_string(template).render(**VALUES)}] [{other}]")
EOF
cat >look.mjs <<'EOF'
import { readFileSync } from "node:fs";
import { Template } from "@huggingface/jinja";
const { templates, values } = JSON.parse(readFileSync("asked.json", "utf8"));
console.log(JSON.stringify(templates.map((one) => new Template(one).render(values))));
EOF
seen=$(venv/bin/python look.py)
expected="$(cat <<'EOF'
{{ message.content }} [None] []
{{ message.content | default('nothing') }} [None] []
strict={{ strict }} [strict=True] [strict=true]
{{ {'minimum': 0.0, 'maximum': 0.5} | tojson }} [{"minimum": 0.0, "maximum": 0.5}] [{"minimum": 0, "maximum": 0.5}]
{{ -7 % 3 }} [2] [-1]
{{ '1' == 1 }} [False] [true]
{{ 9007199254740993 }} [9007199254740993] [9007199254740992]
{{ goal | length }} [11] [12]
EOF
)"
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
