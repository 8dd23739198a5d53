#!/bin/sh
# pyarrow 26.0.1: the filter `!=` leaves out rows without a value, and `not in` with the same value keeps them.
#
# `read_table(filters=[("verdict", "!=", "REJECTED")])` reads no row whose verdict is null, as in SQL. With `not in` and a list of one the row
# is there, which SQL leaves out too. So what is counted as not rejected depends on how it is asked. Expected: the same rows.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyarrow==26.0.1
cd "$folder"
cat >look.py <<'EOT'
import pyarrow
import pyarrow.parquet as parquet

parquet.write_table(pyarrow.table({"verdict": ["REJECTED", None, "VERIFIED"]}), "results.parquet")
for filters in ([("verdict", "!=", "REJECTED")], [("verdict", "not in", ["REJECTED"])]):
    print(filters[0][1], parquet.read_table("results.parquet", filters=filters)["verdict"].to_pylist())
EOT
seen=$(venv/bin/python look.py)
expected="!= ['VERIFIED']
not in [None, 'VERIFIED']"
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
