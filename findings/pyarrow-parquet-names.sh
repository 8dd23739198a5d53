#!/bin/sh
# pyarrow 26.0.1: a table with two columns of one name is written to Parquet and cannot be read.
#
# Writing such a table, as a join makes it, says nothing; `read_table` of the same package fails with a message about
# columns of its own. Expected: an error where the file is written, or the table.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyarrow==26.0.1
cd "$folder"
cat >look.py <<'EOF'
import pyarrow
import pyarrow.parquet

pyarrow.parquet.write_table(pyarrow.table([[1], [2]], names=["a", "a"]), "a.parquet")
print("written")
try:
    print(pyarrow.parquet.read_table("a.parquet").num_columns)
except pyarrow.ArrowInvalid as error:
    print(str(error).split(" in ")[0])
EOF
seen=$(venv/bin/python look.py)
expected="written
Multiple matches for FieldRef.Name(a)"
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
