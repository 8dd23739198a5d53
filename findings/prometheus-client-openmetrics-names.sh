#!/bin/sh
# prometheus-client 0.26.0: an OpenMetrics page names a metric in two ways.
#
# A metric whose name has a colon, as Prometheus allows it, is asked for as OpenMetrics 1.0.0, which Prometheus 2 prefers. The
# samples get `_` for the colon and `# TYPE` keeps it, so that type and help belong to no sample; the package's own OpenMetrics
# parser finds a family without samples, and a query for the name as it was declared finds nothing. As text/plain the same
# library itself keeps the colon everywhere. Expected: one name on one page.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check prometheus-client==0.26.0
cd "$folder"
cat >look.py <<'EOF'
import prometheus_client
from prometheus_client.exposition import choose_encoder
from prometheus_client.openmetrics.parser import text_string_to_metric_families

gauge = prometheus_client.Gauge("engine:running", "Requests.")
gauge.set(1)
for accepted in ("text/plain", "application/openmetrics-text; version=1.0.0"):
    page = choose_encoder(accepted)[0](gauge).decode()
    print(*(line for line in page.splitlines() if line.startswith(("# TYPE", "engine"))), sep=" / ")
for family in text_string_to_metric_families(page):
    print("parsed:", family.name, family.type, [sample.name for sample in family.samples])
EOF
seen=$(venv/bin/python look.py)
expected="# TYPE engine:running gauge / engine:running 1.0
# TYPE engine:running gauge / engine_running 1.0
parsed: engine:running gauge []
parsed: engine_running unknown ['engine_running']"
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
