#!/bin/sh
# prometheus-client 0.26.0: an increment that raises has been counted.
#
# An exemplar longer than 128 characters raises ValueError when the value has been added already, so that a caller who
# mends the exemplar and tries again counts twice; a histogram does the same. The message is a format string whose
# number was never put in. Expected: what raises changes nothing.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check prometheus-client==0.26.0
cd "$folder"
cat >look.py <<'EOF'
import prometheus_client

counter = prometheus_client.Counter("a", "Requests.")
histogram = prometheus_client.Histogram("b", "Seconds.")
for act in (counter.inc, histogram.observe):
    try:
        act(1, exemplar={"trace": "x" * 200})
    except ValueError as error:
        print("raised:", "%d" in str(error))
samples = [sample for metric in (counter, histogram) for family in metric.collect() for sample in family.samples]
values = {sample.name: sample.value for sample in samples}
print(values["a_total"], values["b_count"])
EOF
seen=$(venv/bin/python look.py)
expected="raised: True
raised: True
1.0 1.0"
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
