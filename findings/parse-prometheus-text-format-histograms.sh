#!/bin/sh
# parse-prometheus-text-format 1.1.1: histograms that differ in their labels become one, and lose sum and count.
#
# A page has a histogram for each value of a label, as a client library writes it. The parser, which turns pages into JSON, keeps one of
# them, with the buckets of the last and without the label, its sum and its count; of summaries it keeps the quantiles of the last and the
# count of the one without a label. Counters with labels are kept apart. Expected: one entry for each set of labels.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts parse-prometheus-text-format@1.1.1 prom-client@15.1.3 >/dev/null
cat >look.js <<'EOF'
const parse = require("parse-prometheus-text-format");
const prometheus = require("prom-client");
const described = { help: "Seconds.", labelNames: ["sampler"] };
const histogram = new prometheus.Histogram({ name: "sample_seconds", buckets: [1], ...described });
histogram.observe({ sampler: "portfolio" }, 0.5);
histogram.observe({ sampler: "portfolio" }, 0.5);
histogram.observe({ sampler: "model" }, 9);
const counter = new prometheus.Counter({ name: "samples_total", ...described });
counter.inc({ sampler: "portfolio" }, 2);
counter.inc({ sampler: "model" }, 1);
prometheus.register.metrics().then((page) => {
  for (const line of page.split("\n")) if (line.startsWith("sample_seconds")) console.log(line);
  for (const { name, metrics } of parse(page)) console.log(name, JSON.stringify(metrics));
});
EOF
seen=$(node look.js)
expected='sample_seconds_bucket{le="1",sampler="portfolio"} 2
sample_seconds_bucket{le="+Inf",sampler="portfolio"} 2
sample_seconds_sum{sampler="portfolio"} 1
sample_seconds_count{sampler="portfolio"} 2
sample_seconds_bucket{le="1",sampler="model"} 0
sample_seconds_bucket{le="+Inf",sampler="model"} 1
sample_seconds_sum{sampler="model"} 9
sample_seconds_count{sampler="model"} 1
sample_seconds [{"buckets":{"1":"0","+Inf":"1"}}]
samples_total [{"value":"2","labels":{"sampler":"portfolio"}},{"value":"1","labels":{"sampler":"model"}}]'
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
