#!/bin/sh
# kimina-client 0.2.1: cannot be imported as it is installed.
#
# What it imports first, pygments, is no dependency of it: it comes with the extra for servers alone, behind rich.
# Whoever has it from elsewhere is told below Python 3.12 that its `typing.TypedDict` does not suit pydantic, though its
# metadata say 3.9. Expected: an import.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check kimina-client==0.2.1
cd "$folder"
cat >look.py <<'EOF'
import importlib.metadata

print("asks for Python", importlib.metadata.metadata("kimina-client")["Requires-Python"])
try:
    import kimina_client
    print("imported", kimina_client.__name__)
except ImportError as error:
    print(type(error).__name__, error.name)
EOF
seen=$(venv/bin/python look.py)
expected="asks for Python >=3.9
ModuleNotFoundError pygments"
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
