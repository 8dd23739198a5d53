#!/bin/sh
# safetensors 0.8.0: the same tensors and the same metadata give different bytes.
#
# Metadata of several keys is written in an order that changes from one call to the next within a process, so that a digest of
# the file says nothing about what is in it. Tensors are ordered. Expected: the keys in one order.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check safetensors==0.8.0 numpy==2.3.5
cd "$folder"
cat >look.py <<'EOF'
import numpy
from safetensors.numpy import save

tensors = {"a": numpy.zeros(1, numpy.float32)}
one = {save(tensors, {"key": "value"}) for _ in range(64)}
many = {save(tensors, {f"key{number}": "value" for number in range(12)}) for _ in range(64)}
print("one key:", len(one), "file; twelve keys:", "several files" if len(many) > 1 else "1 file")
EOF
seen=$(venv/bin/python look.py)
expected="one key: 1 file; twelve keys: several files"
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
