#!/bin/sh
# datasets 5.2.0: to_json writes other numbers and no times.
#
# Floating point numbers are cut to ten places behind the point, so that 1e-12 is written as 0.0 and a log-probability
# is another one; a time becomes a number of milliseconds, which nothing in the file says. Reading the file again with
# the same package gives neither back. Expected: what was in the data set.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check datasets==5.2.0
cd "$folder"
cat >look.py <<'EOF'
import datetime
import io

import datasets

datasets.disable_progress_bars()
rows = {"a": [0.1234567890123456, 1e-12], "b": [datetime.datetime(2026, 1, 1)] * 2}
file = io.BytesIO()
datasets.Dataset.from_dict(rows).to_json(file)
print(file.getvalue().decode().strip())
EOF
seen=$(venv/bin/python look.py)
expected="{\"a\":0.123456789,\"b\":1767225600000}
{\"a\":0.0,\"b\":1767225600000}"
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
