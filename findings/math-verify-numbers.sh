#!/bin/sh
# math-verify 0.9.0: 12\,345 is 357, and 1e-3 is 1.
#
# By ISO 80000-1 thousands are divided by a thin space, in LaTeX 12\,345. math-verify reads the sum of 12 and 345, as of a whole number and a
# fraction behind it; 10\,000 is 0, and of 12~345 the 12 is left. Commas, plain or in braces, are understood. Of 1e-3 and 2.5e6, as
# programs write numbers, it takes what stands before the e; as LaTeX, the e is Euler's number. So the right answer 12345 to 12\,345 is
# refused. Expected: the number, or that nothing is understood.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check math-verify==0.9.0 latex2sympy2_extended==1.11.0 sympy==1.14.0
cd "$folder"
cat >look.py <<'EOT'
from math_verify import parse, verify

for number in ("$12345$", "$12,345$", "$12{,}345$", r"$12\,345$", "$12 345$", "$12~345$", r"$10\,000$", "1e-3", "2.5e6", "$2.5e6$"):
    print(number, "is", parse(number)[0])
print("the right answer is accepted:", verify(parse(r"$12\,345$"), parse("$12345$")))
EOT
seen=$(venv/bin/python look.py)
expected='$12345$ is 12345
$12,345$ is 12345
$12{,}345$ is 12345
$12\,345$ is 357
$12 345$ is 357
$12~345$ is 12
$10\,000$ is 10*0
1e-3 is 1
2.5e6 is 2.50000000000000
$2.5e6$ is 2.5*E*6
the right answer is accepted: False'
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
