#!/bin/sh
# pyarrow 26.0.1: an integer of JSON changes with its neighbours.
#
# A column of integers is read as integers. With one fraction, or one number beyond 64 bits, anywhere in it, all of the
# column becomes floating point: 9007199254740993 is 9007199254740992 then, without a word. A seed in a file of results
# is another one after that. Expected: an error, or a type that holds what stands there.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyarrow==26.0.1
cd "$folder"
cat >look.py <<'EOF'
import io

import pyarrow.json

for rows in ("9007199254740993", "9007199254740993 0.5", "9007199254740993 123456789012345678901234567890"):
    text = "".join(f'{{"a": {row}}}\n' for row in rows.split())
    table = pyarrow.json.read_json(io.BytesIO(text.encode()))
    print(table.schema.field("a").type, int(table["a"][0].as_py()))
EOF
seen=$(venv/bin/python look.py)
expected="int64 9007199254740993
double 9007199254740992
double 9007199254740992"
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
