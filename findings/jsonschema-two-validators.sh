#!/bin/sh
# jsonschema 4.26.0 and jsonschema-rs 0.60.3: one schema, two meanings.
#
# Money in cents, digits and whole lines are judged differently by the two packages under the same draft: 0.07 is a
# multiple of 0.01 for the second alone, since the first divides binary fractions; `^a$` takes a line end behind it, and
# \d takes digits of other scripts, for the first alone, as Python's regular expressions do and ECMAScript's, which the
# draft names, do not. Expected: one answer, that of the draft.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check jsonschema==4.26.0 jsonschema-rs==0.60.3
cd "$folder"
cat >look.py <<'EOF'
import jsonschema
import jsonschema_rs

for schema, value in (({"multipleOf": 0.01}, 0.07), ({"pattern": "^a$"}, "a\n"), ({"pattern": r"^\d$"}, "\u0663")):
    print(schema, jsonschema.Draft202012Validator(schema).is_valid(value), jsonschema_rs.Draft202012Validator(schema).is_valid(value))
EOF
seen=$(venv/bin/python look.py)
expected="{'multipleOf': 0.01} False True
{'pattern': '^a\$'} True False
{'pattern': '^\\\\d\$'} True False"
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
