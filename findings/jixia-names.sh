#!/bin/sh
# jixia 1.0.5: a name that is printed and read again is another one, and `Nat.eq_zero_of_add_eq_zero` counts as made by the compiler.
#
# A name of Lean is a list of texts and numbers, such as the number in a private name. `parse_name(pp_name(name))` makes texts of the numbers,
# so that the name is not found among those of a file, cuts `«a.b».c` within its first part, and of the anonymous name makes one with a part.
# `pp_name` prints the one part `a.b` like the two parts a and b. `is_internal`, a heuristic, is true of whatever begins with
# `eq_`, `proof_` or `match_`, as do theorems of Lean's own library, which a corpus without internal names then lacks. Expected: the same name, and
# a number behind the underscore.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check jixia==1.0.5 pydantic==2.14.3
cd "$folder"
cat >look.py <<'EOF'
from jixia.structs import is_internal, parse_name, pp_name

for name in (["Nat", "add"], ["_private", "Init", 0, "Nat", "lemma"], ["a.b", "c"], []):
    print(name, pp_name(name), parse_name(pp_name(name)))
print(parse_name("«a.b».c"))
for text in ("Nat.add.eq_1", "Nat.add.match_1", "Nat.add_comm", "Nat.eq_zero_of_add_eq_zero", "proof_irrel"):
    print(text, is_internal(parse_name(text)))
EOF
seen=$(venv/bin/python look.py)
expected="['Nat', 'add'] Nat.add ['Nat', 'add']
['_private', 'Init', 0, 'Nat', 'lemma'] _private.Init.0.Nat.lemma ['_private', 'Init', '0', 'Nat', 'lemma']
['a.b', 'c'] a.b.c ['a', 'b', 'c']
[]  ['']
['«a', 'b»', 'c']
Nat.add.eq_1 True
Nat.add.match_1 True
Nat.add_comm False
Nat.eq_zero_of_add_eq_zero True
proof_irrel True"
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
