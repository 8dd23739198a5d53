#!/bin/sh
# opentelemetry-exporter-prometheus 0.66b2: attributes whose names differ in a dot become one, and a page has the same sample twice.
#
# Attribute names become label names by putting `_` for what Prometheus does not allow. Of a measurement with `model.name` and `model_name`
# one value is lost; OpenTelemetry's own rule for Prometheus is to join them with a semicolon. Measurements with one of the two each become
# two samples of the same name and labels, of which Prometheus keeps one. Names of metrics do the same: `proofs.found` and `proofs_found`.
# Expected: "b;a" for the first, and one sum, or an error, for the others.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    opentelemetry-exporter-prometheus==0.66b2 opentelemetry-sdk==1.45.2 prometheus-client==0.26.0
cd "$folder"
cat >look.py <<'EOF'
import prometheus_client
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider

meter = MeterProvider(metric_readers=[PrometheusMetricReader()]).get_meter("prover")
tokens = meter.create_counter("tokens")
tokens.add(1, {"model.name": "a", "model_name": "b"})
tokens.add(5, {"model.name": "c"})
tokens.add(7, {"model_name": "c"})
for name in ("proofs.found", "proofs_found"):
    meter.create_counter(name).add(len(name.split(".")))
for family in prometheus_client.REGISTRY.collect():
    for sample in family.samples:
        if sample.name.startswith(("tokens", "proofs")):
            print(sample.name, {name: value for name, value in sample.labels.items() if "otel" not in name}, sample.value)
EOF
seen=$(venv/bin/python look.py)
expected="tokens_total {'model_name': 'b'} 1
tokens_total {'model_name': 'c'} 5
tokens_total {'model_name': 'c'} 7
proofs_found_total {} 2
proofs_found_total {} 1"
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
