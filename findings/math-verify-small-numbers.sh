#!/bin/sh
# math-verify 0.9.0: wrong answers are right where numbers are small, or have a period.
#
# `verify(parse(gold), parse(answer))`, a reward for mathematics, compares numbers with six places behind the point: 0.0000001 and 0.0000004
# are equal, though one is four times the other. Written as 10^-7 and 4*10^-7 they are not. A period is dropped: 0.333… with a bar is read
# as 0, so that the answer 0 is right and 1/3 is wrong; a base is dropped, so that 12 to the base 3 is 12. True inequalities are all equal.
# Expected: False for the wrong answers, True for 1/3, or no answer for what is not understood.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check math-verify==0.9.0 latex2sympy2_extended==1.11.0 sympy==1.14.0
cd "$folder"
cat >look.py <<'EOF'
from math_verify import parse, verify

PAIRS = (
    ("0.0000001", "0.0000004"),
    (r"1\cdot10^{-7}", r"4\cdot10^{-7}"),
    (r"4\cdot10^{-8}", "0.00000009"),
    (r"0.\overline{3}", "0"),
    (r"0.\overline{3}", r"\frac{1}{3}"),
    ("12_3", "12"),
    ("1<2", "2<3"),
)
for gold, answer in PAIRS:
    print(gold, answer, verify(parse(f"${gold}$"), parse(f"${answer}$")))
EOF
seen=$(venv/bin/python look.py 2>/dev/null)
expected='0.0000001 0.0000004 True
1\cdot10^{-7} 4\cdot10^{-7} False
4\cdot10^{-8} 0.00000009 True
0.\overline{3} 0 True
0.\overline{3} \frac{1}{3} False
12_3 12 True
1<2 2<3 True'
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
