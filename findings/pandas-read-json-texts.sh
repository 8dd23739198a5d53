#!/bin/sh
# pandas 3.1.1: texts of JSON that look like numbers are numbers when they are read.
#
# `read_json` of JSON Lines turns a column of strings into integers or floats if all of them can be read so: the
# identifier 007 is 7, and 1e3 is 1000.0. One row of another form, and all stay texts. JSON tells texts from numbers by
# its quotes. Expected: texts.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pandas==3.1.1
cd "$folder"
cat >look.py <<'EOF'
import io

import pandas

for last in ("008", "none"):
    text = '{"id": "007", "n": "1e3"}\n{"id": "%s", "n": "2"}\n' % last
    print(pandas.read_json(io.StringIO(text), lines=True).to_dict("records")[0])
EOF
seen=$(venv/bin/python look.py)
expected="{'id': 7, 'n': 1000.0}
{'id': '007', 'n': 1000.0}"
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
