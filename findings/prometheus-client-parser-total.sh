#!/bin/sh
# prometheus-client 0.26.0: its parser gives counters names that stand on no page.
#
# A counter on a page of the text format may have any name. A sample whose name does not end in _total comes out of the
# package's own parser with _total behind it, so that somebody asks for a name that nobody exports. Expected: the name
# on the page, as samples of every other type keep it.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check prometheus-client==0.26.0
cd "$folder"
cat >look.py <<'EOF'
from prometheus_client.parser import text_string_to_metric_families

for kind in ("gauge", "counter"):
    (family,) = text_string_to_metric_families(f"# TYPE requests {kind}\nrequests 1\n")
    print(kind, [sample.name for sample in family.samples])
EOF
seen=$(venv/bin/python look.py)
expected="gauge ['requests']
counter ['requests_total']"
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
