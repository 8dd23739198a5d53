#!/bin/sh
# datasets 5.2.0: of a column with values of two types, `map` gives back other values.
#
# `from_list` refuses such a column. `map` makes it one of the type Json, whose texts are read as JSON: "null" becomes None, "007" the number
# 7 and "[1]" a list, while other texts stay. What comes behind the first 1,000 rows, which are written together, is cast to the type of these
# instead: 2 behind truth values is True. So the name of a theorem, an answer "true" or a count becomes something else, which depends on
# the other rows and on their number. Expected: the same values, or an error as from `from_list`.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check datasets==5.2.0
cd "$folder"
cat >look.py <<'EOT'
from datasets import Dataset, disable_progress_bars

disable_progress_bars()


def mapped(values):
    rows = Dataset.from_dict({"row": range(len(values))}).map(lambda row: {"new": values[row["row"]]})
    return rows["new"][:]


for values in ([1, "007"], ["true", "false", 2], ["x", "null", 3], [4, "[1]", "by simp"]):
    print(values, "become", mapped(values))
for first, last in ((False, 2), (1, "007"), ("x", True)):
    print(f"{first!r} 1,000 times and {last!r} end with", repr(mapped([first] * 1000 + [last])[-1]))
EOT
seen=$(HF_HOME="$folder/cache" venv/bin/python look.py)
expected="[1, '007'] become [1, 7]
['true', 'false', 2] become [True, False, 2]
['x', 'null', 3] become ['x', None, 3]
[4, '[1]', 'by simp'] become [4, [1], 'by simp']
False 1,000 times and 2 end with True
1 1,000 times and '007' end with 7
'x' 1,000 times and True end with 'true'"
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
