#!/bin/sh
# apsw 3.54.1.0: to switch the write-ahead log on does not wait, whatever the timeout.
#
# A connection with a busy timeout of 5 seconds waits that long for a lock that another one holds. `PRAGMA journal_mode = WAL` wants
# a lock, too, and fails with "database is locked" at once, so that of two programs that open a new database together one fails.
# Expected: that it waits as all other statements do.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check apsw==3.54.1.0
cd "$folder"
cat >look.py <<'EOF'
import time

import apsw

one, two = apsw.Connection("a.db"), apsw.Connection("a.db")
one.execute("CREATE TABLE t (x)")
two.set_busy_timeout(5000)
one.execute("BEGIN IMMEDIATE")
for statement in ("INSERT INTO t VALUES (1)", "PRAGMA journal_mode = WAL"):
    began = time.monotonic()
    try:
        two.execute(statement).fetchall()
    except apsw.BusyError as error:
        print(statement, "waits:" if time.monotonic() - began > 2 else "does not wait:", error)
EOF
seen=$(venv/bin/python look.py)
expected="INSERT INTO t VALUES (1) waits: database is locked
PRAGMA journal_mode = WAL does not wait: database is locked"
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
