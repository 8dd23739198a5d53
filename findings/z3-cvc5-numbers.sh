#!/bin/sh
# z3-solver 5.4.1.0 and cvc5 1.4.2: an integer that equals 2.9 is 2 for cvc5, and other values become values of the solver that they are not.
#
# `cvc5.pythonic` has the interface of z3's Python package, so that one program runs with both. `x == 2.9` compares an integer with a rational
# number in z3 and has no solution; cvc5 makes it `x == 2`, so that a model is found, and of 2.5 < x < 3.5 it finds none. IntVal(2.9) is 2 for both, although both refuse the text
# "2.9". IntVal("") is 0 for z3. `BoolVal` takes the truth of Python, in which "false" is true. 2 to the power of -1 is an integer, which z3
# simplifies to 0. Nothing is raised. Expected: no solution, an error for what is no value of its sort, and 1/2 as a real number.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check cvc5==1.4.2 z3-solver==5.4.1.0
cd "$folder"
cat >look.py <<'EOF'
import importlib
import sys

solver = importlib.import_module(sys.argv[1])
x = solver.Int("x")


def satisfiable(claim):
    asked = solver.Solver()
    asked.add(claim)
    return asked.check()


LOOKS = {
    "x == 2.9": lambda: satisfiable(x == 2.9),
    "2.5 < x < 3.5": lambda: satisfiable(solver.And(x > 2.5, x < 3.5)),
    "IntVal(2.9)": lambda: solver.IntVal(2.9),
    'IntVal("2.9")': lambda: solver.IntVal("2.9"),
    'IntVal("")': lambda: solver.IntVal(""),
    'BoolVal("false")': lambda: solver.BoolVal("false"),
    "IntVal(2) ** -1": lambda: f"{solver.simplify(solver.IntVal(2) ** -1)} of sort {(solver.IntVal(2) ** -1).sort()}",
}
for said, make in LOOKS.items():
    try:
        print(sys.argv[1], said, "->", make())
    except (RuntimeError, getattr(solver, "Z3Exception", RuntimeError)):
        print(sys.argv[1], said, "-> an error")
EOF
seen=$(venv/bin/python look.py z3 && venv/bin/python look.py cvc5.pythonic)
expected='z3 x == 2.9 -> unsat
z3 2.5 < x < 3.5 -> sat
z3 IntVal(2.9) -> 2
z3 IntVal("2.9") -> an error
z3 IntVal("") -> 0
z3 BoolVal("false") -> True
z3 IntVal(2) ** -1 -> 0 of sort Int
cvc5.pythonic x == 2.9 -> sat
cvc5.pythonic 2.5 < x < 3.5 -> unsat
cvc5.pythonic IntVal(2.9) -> 2
cvc5.pythonic IntVal("2.9") -> an error
cvc5.pythonic IntVal("") -> an error
cvc5.pythonic BoolVal("false") -> True
cvc5.pythonic IntVal(2) ** -1 -> 2**-1 of sort Int'
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
