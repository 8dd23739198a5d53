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

registry = prometheus_client.CollectorRegistry()
counter = prometheus_client.Counter("a", "Requests.", registry=registry)
histogram = prometheus_client.Histogram("b", "Seconds.", registry=registry)
counter.inc(float("nan"))
counter.inc()
histogram.observe(1)
histogram.observe(float("nan"))
names = [("a_total", {}), ("b_count", {}), ("b_bucket", {"le": "+Inf"}), ("b_sum", {})]
print([registry.get_sample_value(name, labels) for name, labels in names])
EOF
seen=$(venv/bin/python look.py)
expected="[nan, 1.0, 1.0, nan]"
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
