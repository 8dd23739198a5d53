#!/bin/sh
# polars 2.1.0: what the first 100 rows of JSON Lines do not show is dropped, or null.
#
# `read_ndjson` takes its columns from the first 100 rows. A key that occurs later, as of an error, is dropped, in a nested object too; a list
# that was empty so far, as of axioms, comes out as a list of null: so a proof that uses an axiom looks like one that uses something
# unknown. Neither says a word, while a value behind nulls alone, or a text behind numbers, is an error. With infer_schema_length=None
# everything is there. Expected: an error for what has no place, as for the others.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check polars==2.1.0
cd "$folder"
cat >look.py <<'EOF'
import io
import json

import polars

first, last = {"axioms": [], "limits": {"s": 1}}, {"axioms": ["propext"], "limits": {"s": 2, "mb": 8}, "error": "out of memory"}


def read(first, last, **options):
    text = "".join(json.dumps(row) + "\n" for row in [first] * 100 + [last])
    try:
        return polars.read_ndjson(io.StringIO(text), **options).to_dicts()[-1]
    except polars.exceptions.ComputeError:
        return "an error"


print(read(first, last))
print(read({"error": None}, {"error": "out of memory"}))
print(read({"id": 1}, {"id": "a1"}))
print(read(first, last, infer_schema_length=None))
EOF
seen=$(venv/bin/python look.py)
expected="{'axioms': [None], 'limits': {'s': 2}}
an error
an error
{'axioms': ['propext'], 'limits': {'s': 2, 'mb': 8}, 'error': 'out of memory'}"
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
