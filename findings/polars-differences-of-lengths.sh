#!/bin/sh
# polars 2.1.0: the difference of two lengths is four thousand million instead of negative.
#
# Lengths of texts and lists, and numbers of rows, are unsigned integers of 32 bits, and arithmetic on them wraps: a proof of 8 letters is
# 4294967286 longer than one of 18, and the mean of such differences is as wrong. Sums of a column of signed 32 bits, as Parquet has them,
# wrap as well, also by group, while sums of 8 bits are widened. Nothing is raised. Expected: -10, as of lengths in pandas and SQL, or an
# error.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check polars==2.1.0
cd "$folder"
cat >look.py <<'EOF'
import polars

proofs = polars.DataFrame({"found": ["by simp_all +arith", "by omega"], "shortened": ["by omega", "by omega [h₁]"]})
gained = polars.col("shortened").str.len_chars() - polars.col("found").str.len_chars()
print(proofs.select(gained).to_series().to_list(), proofs.select(gained.mean()).item())
print(proofs.select(polars.len() - 3).item())
tokens = polars.DataFrame({"model": ["a", "a"], "tokens": polars.Series([2_000_000_000] * 2, dtype=polars.Int32)})
print(tokens.select("tokens").sum().item(), tokens.group_by("model").agg(polars.col("tokens").sum()).to_dicts())
print(polars.Series([100, 100], dtype=polars.Int8).sum())
EOF
seen=$(venv/bin/python look.py)
expected="[4294967286, 5] 2147483645.5
4294967295
-294967296 [{'model': 'a', 'tokens': -294967296}]
200"
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
