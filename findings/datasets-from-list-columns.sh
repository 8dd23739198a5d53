#!/bin/sh
# datasets 5.2.0: from_list drops the columns that the first row lacks.
#
# `Dataset.from_list` takes the first row's keys for all columns. What later rows have besides is lost without a word,
# on the top level alone: keys of nested objects are united. `load_dataset` of the same rows as JSON Lines keeps
# everything. Expected: all columns.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check datasets==5.2.0
cd "$folder"
cat >look.py <<'EOF'
import json

import datasets

datasets.disable_progress_bars()
rows = [{"a": 1, "n": {"x": 1}}, {"a": 2, "b": 3, "n": {"y": 2}}]
print("from_list:", sorted(datasets.Dataset.from_list(rows)[1].items()))
with open("rows.jsonl", "w") as file:
    file.writelines(json.dumps(row) + "\n" for row in rows)
print("load_dataset:", sorted(datasets.load_dataset("json", data_files="rows.jsonl", split="train", cache_dir="cache")[1].items()))
EOF
seen=$(venv/bin/python look.py)
expected="from_list: [('a', 2), ('n', {'x': None, 'y': 2})]
load_dataset: [('a', 2), ('b', 3), ('n', {'y': 2})]"
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
