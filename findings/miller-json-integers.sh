#!/bin/sh
# Miller 6.6.0: an integer of JSON beyond 64 bits becomes a text, and is left out of sums.
#
# A hash or a seed of 64 bits without sign is a number in JSON Lines. `mlr cat` writes it with quotes, and `stats1` leaves it out of sum and
# mean, but counts it, so that the mean is not the sum divided by the count. In CSV the number is a text as well. A null is counted likewise,
# and a loop over the fields of a record that has one ends the program with "couldn't assign variable". Expected: a number, if only of floating
# point, or an error; counts of numbers alone; a loop that passes null on.
# Needs mlr (Debian: miller).
set -eu
command -v mlr >/dev/null || { echo "there is no mlr here" >&2; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
printf '%s\n' '{"seed": 2}' '{"seed": 18446744073709551615}' '{"seed": 4}' >seeds.jsonl
printf '%s\n' seed 2 18446744073709551615 4 >seeds.csv
printf '%s\n' '{"seconds": 2}' '{"seconds": null}' >seconds.jsonl
look() {
  mlr --version
  mlr --ijsonl --ojsonl put '$type = typeof($seed)' seeds.jsonl
  mlr --icsv --ojsonl put '$type = typeof($seed)' seeds.csv
  mlr --ijsonl --ojsonl stats1 -a count,sum,mean -f seed seeds.jsonl
  mlr --ijsonl --ojsonl stats1 -a count,sum,mean -f seconds seconds.jsonl
  mlr --ijsonl --ojsonl put 'for (name, value in $*) { $[name] = value }' seconds.jsonl 2>&1 | grep .
}
seen=$(look)
expected='mlr 6.6.0
{"seed": 2, "type": "int"}
{"seed": "18446744073709551615", "type": "string"}
{"seed": 4, "type": "int"}
{"seed": 2, "type": "int"}
{"seed": "18446744073709551615", "type": "string"}
{"seed": 4, "type": "int"}
{"seed_count": 3, "seed_sum": 6, "seed_mean": 3}
{"seconds_count": 2, "seconds_sum": 2, "seconds_mean": 2}
mlr: couldn'"'"'t assign variable any value from value null null'
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
