#!/bin/sh
# prometheus-client 0.26.0: one NaN, and a counter is lost for good.
#
# Counters refuse what is negative and take NaN, after which they are NaN for ever. A histogram that observes NaN adds
# it to the sum and to no bucket: the count stays as it was, and every mean is NaN. Expected: ValueError, as for what is
# negative; of a histogram, a count in the bucket +Inf.
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
counter.inc(float("nan"))
counter.inc()
histogram.observe(1)
histogram.observe(float("nan"))
samples = [sample for metric in (counter, histogram) for family in metric.collect() for sample in family.samples]
values = {(sample.name, sample.labels.get("le")): sample.value for sample in samples}
print([values[name] for name in (("a_total", None), ("b_count", None), ("b_bucket", "+Inf"), ("b_sum", None))])
EOF
seen=$(venv/bin/python look.py)
expected="[nan, 1.0, 1.0, nan]"
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
