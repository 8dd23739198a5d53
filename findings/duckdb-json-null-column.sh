#!/bin/sh
# duckdb 2.0.1: a column of JSON Lines that is null in the first 20,480 rows is null in all.
#
# `read_json` takes types from the first 20,480 rows. Where all of them have null, the column's type is NULL, and whatever stands there later,
# a text, a number or an object, becomes null without a word: the one refutation among 20,481 results is not found. A key that occurs later
# for the first time, and a value that does not fit, are errors that name the row. With sample_size=-1 everything is there. Expected: an
# error, or a column of type JSON, as for values of several types.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check duckdb==2.0.1
cd "$folder"
cat >look.py <<'EOF'
import json

import duckdb


def read(first, last, options=""):
    with open("a.jsonl", "w") as file:
        file.writelines(json.dumps(row) + "\n" for row in [first] * 20_480 + [last])
    try:
        found = duckdb.sql(f"SELECT * FROM read_json('a.jsonl'{options})")
        return found.types, found.fetchall()[-1]
    except duckdb.InvalidInputException:
        return "an error"


for value in ("n = 5", 5, {"n": 5}):
    print(*read({"refutation": None}, {"refutation": value}))
print(*read({"refutation": None}, {"refutation": "n = 5"}, ", sample_size=-1"))
print(read({"id": 1}, {"id": 2, "refutation": "n = 5"}))
EOF
seen=$(venv/bin/python look.py)
expected="[\"NULL\"] (None,)
[\"NULL\"] (None,)
[\"NULL\"] (None,)
[VARCHAR] ('n = 5',)
an error"
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
