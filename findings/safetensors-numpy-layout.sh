#!/bin/sh
# safetensors 0.8.0: numpy arrays that are views come back with other numbers.
#
# `safetensors.numpy.save` takes the memory of an array for its elements in order. Of a transposed array, one in
# Fortran's order or every second element of another one, shape and type are kept and the numbers are others, without a
# word; `safetensors.torch.save` refuses such tensors. Expected: the same numbers, or an error.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check safetensors==0.8.0 numpy==2.3.5
cd "$folder"
cat >look.py <<'EOF'
import numpy
from safetensors.numpy import load, save

base = numpy.arange(6.0)
shaped = base.reshape(2, 3)
for name, array in (("plain", base), ("every second", base[::2]), ("transposed", shaped.T), ("Fortran", numpy.asfortranarray(shaped))):
    loaded = load(save({"a": array}))["a"]
    print(f"{name}:", loaded.shape == array.shape, array.ravel().tolist(), "became", loaded.ravel().tolist())
EOF
seen=$(venv/bin/python look.py)
expected="plain: True [0.0, 1.0, 2.0, 3.0, 4.0, 5.0] became [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
every second: True [0.0, 2.0, 4.0] became [0.0, 1.0, 2.0]
transposed: True [0.0, 3.0, 1.0, 4.0, 2.0, 5.0] became [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
Fortran: True [0.0, 1.0, 2.0, 3.0, 4.0, 5.0] became [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]"
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
