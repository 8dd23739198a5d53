#!/bin/sh
# rich 15.0.0: a console whose reader has left ends the program.
#
# Where stdout is a pipe that nobody reads any more, `Console.print` does not raise BrokenPipeError: it raises
# SystemExit(1), which no `except Exception` around it sees, so that the work behind it is not done. Expected:
# BrokenPipeError, as of Python's own print.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check rich==15.0.0
cd "$folder"
cat >look.py <<'EOF'
import subprocess
import sys

PROGRAM = """
import sys
from rich.console import Console

sys.stdin.read()
try:
    Console().print("a result")
except BaseException as error:
    sys.stderr.write(type(error).__name__)
"""
pipe = subprocess.PIPE
process = subprocess.Popen([sys.executable, "-c", PROGRAM], stdin=pipe, stdout=pipe, stderr=pipe)
process.stdout.close()
process.stdin.close()
print(process.stderr.read().decode())
EOF
seen=$(venv/bin/python look.py)
expected="SystemExit"
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
