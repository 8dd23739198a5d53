#!/bin/sh
# json-repair 0.64.6: of objects behind one another the last one alone is left, if they have the same keys.
#
# `loads` reads what models write as JSON. Of JSON Lines it makes a list of all rows if two neighbours differ in their keys, or if there are
# commas between them. A row with the keys of the one before replaces it, as a correction of it would: of three attempts at a proof one
# remains, and nothing says so. Lists behind one another become one likewise. Expected: all rows, however they are called.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check json-repair==0.64.6
cd "$folder"
cat >look.py <<'EOT'
import json

from json_repair import loads

same = [{"proof": "by simp"}, {"proof": "by omega"}, {"proof": "by decide"}]
other = [{"proof": "by simp"}, {"tactic": "omega"}, {"proof": "by decide"}]
for name, rows, between in (("same keys", same, "\n"), ("other keys", other, "\n"), ("same keys, commas", same, ",\n")):
    print(f"{name}:", json.dumps(loads(between.join(map(json.dumps, rows)))))
EOT
seen=$(venv/bin/python look.py)
expected='same keys: {"proof": "by decide"}
other keys: [{"proof": "by simp"}, {"tactic": "omega"}, {"proof": "by decide"}]
same keys, commas: [{"proof": "by simp"}, {"proof": "by omega"}, {"proof": "by decide"}]'
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
