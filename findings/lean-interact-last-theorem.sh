#!/bin/sh
# lean-interact 0.11.6: the last theorem of a file is another one, and its statement is cut.
#
# `extract_last_theorem` looks for theorems, then lemmas, then examples, and returns the last that it found so: any lemma or example of the
# file comes before the theorem at its end. `clean_last_theorem_string`, which is to leave the last theorem without its proof, returns the
# earlier one and drops the last. `clean_theorem_string` takes the `:=` of `let x : Nat := 1` in a statement for the proof's (not that of a
# `let` without a type), and `remove_lean_comments` takes `--` in a text for a comment, and of a comment at the end of a file without a
# line end leaves the last letter. Expected: the last theorem, its whole statement, and no part of a comment.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check lean-interact==0.11.6
cd "$folder"
cat >look.py <<'EOF'
from lean_interact.utils import clean_last_theorem_string, clean_theorem_string, remove_lean_comments

LAST = "theorem last (n : Nat) : n * 1 = n := by simp\n"
for first in ("theorem first : 1 = 1 := rfl", "lemma first : 1 = 1 := rfl", "example : 1 = 1 := rfl"):
    print(repr(clean_last_theorem_string(f"{first}\n\n{LAST}", "goal")))
print(repr(clean_theorem_string("theorem one : let x := 1; x = 1 := rfl", "goal")))
print(repr(clean_theorem_string("theorem one : let x : Nat := 1; x = 1 := rfl", "goal")))
print(repr(remove_lean_comments('theorem two : "--".length = 2 := rfl\n')))
print(repr(remove_lean_comments("theorem three : True := trivial -- easy")))
EOF
seen=$(venv/bin/python look.py)
expected="$(cat <<'EOF'
'theorem first : 1 = 1 := rfl\n\ntheorem goal (n : Nat) : n * 1 = n'
'theorem goal : 1 = 1'
'theorem goal : 1 = 1'
'theorem goal : let x := 1; x = 1 := by sorry'
'theorem goal : let x : Nat := by sorry'
'theorem two : "\n'
'theorem three : True := trivial y'
EOF
)"
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
