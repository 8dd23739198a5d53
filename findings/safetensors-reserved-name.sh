#!/bin/sh
# safetensors 0.8.0: a tensor called __metadata__ is written and cannot be read.
#
# The name is that of the header's own entry. Saving says nothing, and loading fails with all other tensors of the file.
# Expected: an error where the file is written.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check safetensors==0.8.0 numpy==2.3.5
cd "$folder"
cat >look.py <<'EOF'
import numpy
from safetensors.numpy import load, save

text = save({"a": numpy.zeros(1, numpy.float32), "__metadata__": numpy.zeros(1, numpy.float32)})
print("saved")
try:
    print("loaded", sorted(load(text)))
except Exception as error:
    print(type(error).__name__)
EOF
seen=$(venv/bin/python look.py)
expected="saved
SafetensorError"
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
