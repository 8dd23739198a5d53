#!/bin/sh
# jsonlines 4.0.0: an integer is another one as soon as orjson is installed.
#
# A reader takes orjson or ujson for json, if some other package brought it. With orjson 2^64 + 1 is read as a floating point number that is
# not equal to it; with ujson, and alone, it is exact. NaN, as Python's json writes it, is a number alone and with ujson, and a line that is no
# JSON with orjson. A writer uses json whatever is there, so that what it wrote is read as something else, or not at all. Expected: the same
# values in every environment, or that the caller chooses.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip() { "$folder/venv/bin/pip" --quiet --disable-pip-version-check "$@"; }
cd "$folder"
cat >look.py <<'EOF'
import io
import math
import sys

import jsonlines

for seed in (2**53 + 1, 2**64 + 1, math.nan):
    file = io.StringIO()
    with jsonlines.Writer(file) as writer:
        writer.write({"seed": seed})
    file.seek(0)
    try:
        print(sys.argv[1], file.getvalue().strip(), jsonlines.Reader(file).read())
    except jsonlines.InvalidLineError as error:
        print(sys.argv[1], file.getvalue().strip(), str(error).split(":")[0])
EOF
pip install jsonlines==4.0.0
seen=$(venv/bin/python look.py alone)
pip install ujson==6.1.0
seen="$seen
$(venv/bin/python look.py ujson)"
pip install orjson==3.13.0
seen="$seen
$(venv/bin/python look.py orjson)"
expected="alone {\"seed\": 9007199254740993} {'seed': 9007199254740993}
alone {\"seed\": 18446744073709551617} {'seed': 18446744073709551617}
alone {\"seed\": NaN} {'seed': nan}
ujson {\"seed\": 9007199254740993} {'seed': 9007199254740993}
ujson {\"seed\": 18446744073709551617} {'seed': 18446744073709551617}
ujson {\"seed\": NaN} {'seed': nan}
orjson {\"seed\": 9007199254740993} {'seed': 9007199254740993}
orjson {\"seed\": 18446744073709551617} {'seed': 1.8446744073709552e+19}
orjson {\"seed\": NaN} line contains invalid json"
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
