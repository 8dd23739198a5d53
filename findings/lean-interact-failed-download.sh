#!/bin/sh
# lean-interact 0.11.6: after one download that failed, all later ones fail in another way.
#
# `LeanREPLConfig` clones a repository into the folder of the package before it looks whether there is a Lean at all. A
# clone that fails, here because of a proxy that does not answer, leaves its empty folder behind: the next attempt, with
# a network or without, does not clone again and raises InvalidGitRepositoryError. Expected: the second attempt is like
# the first. (Needs git.)
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check lean-interact==0.11.6
cd "$folder"
cat >look.py <<'EOF'
import contextlib
import io
import os

os.environ["https_proxy"] = os.environ["HTTPS_PROXY"] = "http://127.0.0.1:9"
os.environ["GIT_TERMINAL_PROMPT"] = "0"

seen = []
with contextlib.redirect_stdout(io.StringIO()):
    from lean_interact import LeanREPLConfig

    for attempt in ("first", "second"):
        try:
            LeanREPLConfig()
        except Exception as error:
            seen.append(f"{attempt} {type(error).__name__}")
print(*seen, sep="\n")
EOF
seen=$(venv/bin/python look.py)
expected="first GitCommandError
second InvalidGitRepositoryError"
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
