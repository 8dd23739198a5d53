#!/bin/sh
# math-verify 0.9.0: a right answer is wrong where the reference is a number with a period.
#
# `verify(parse(gold), parse(answer))`, a reward for mathematics, drops the bar over a period: 0.333… is read as 0, and 1/3 is wrong.
# Expected: True for 1/3 as for 0.5 and 1/2, or no answer for what is not understood.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check math-verify==0.9.0 latex2sympy2_extended==1.11.0 sympy==1.14.0
cd "$folder"
cat >look.py <<'EOF'
from math_verify import parse, verify

for gold, answer in (("0.5", r"\frac{1}{2}"), (r"0.\overline{3}", r"\frac{1}{3}")):
    print(gold, answer, verify(parse(f"${gold}$"), parse(f"${answer}$")))
EOF
seen=$(venv/bin/python look.py 2>/dev/null)
expected='0.5 \frac{1}{2} True
0.\overline{3} \frac{1}{3} False'
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
