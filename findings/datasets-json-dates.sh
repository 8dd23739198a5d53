#!/bin/sh
# datasets 5.2.0: text that looks like a time stops being text when JSON Lines are loaded.
#
# A column of strings in ISO 8601 comes back as datetime objects, though JSON has no such type and nobody gave the column one;
# one row of another form, and all stay strings. So the type of a text depends on its neighbours. Expected: strings.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check datasets==5.2.0
cd "$folder"
cat >look.py <<'EOF'
import datasets

datasets.disable_progress_bars()
for name, rows in (("alone", ["2026-01-01T00:00:00"]), ("with a neighbour", ["2026-01-01T00:00:00", "tomorrow"])):
    with open(f"{name}.jsonl", "w") as file:
        file.writelines(f'{{"a": "{row}"}}\n' for row in rows)
    found = datasets.load_dataset("json", data_files=f"{name}.jsonl", split="train", cache_dir="cache")
    print(f"{name}:", type(found[0]["a"]).__name__)
EOF
seen=$(venv/bin/python look.py)
expected="alone: datetime
with a neighbour: str"
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
