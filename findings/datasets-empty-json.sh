#!/bin/sh
# datasets 5.2.0: an empty JSON Lines file raises StopIteration.
#
# A file without rows is a valid JSON Lines file. Loading it raises a bare StopIteration without a word of what is wrong, which
# ends a surrounding `for` in silence when it comes from a generator's `next`. Expected: a data set without rows, or an
# error that names the file.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check datasets==5.2.0
cd "$folder"
cat >look.py <<'EOF'
import datasets

datasets.disable_progress_bars()
open("empty.jsonl", "w").close()
try:
    print("rows:", len(datasets.load_dataset("json", data_files="empty.jsonl", split="train", cache_dir="cache")))
except BaseException as error:
    print(type(error).__name__, repr(str(error)))
EOF
seen=$(venv/bin/python look.py)
expected="StopIteration ''"
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
