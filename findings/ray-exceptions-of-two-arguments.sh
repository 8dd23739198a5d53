#!/bin/sh
# ray 2.60.0: an exception whose constructor wants two arguments comes back as another one.
#
# What a task raises is raised again by `ray.get`, so that `except` finds it by its class and by RayTaskError. An exception that hands
# one text on to Exception and takes two arguments itself cannot be unpickled: it arrives as UnserializableException, which is neither
# its class nor a RayTaskError. Expected: RayTaskError at least, as for an exception that cannot be pickled.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check ray==2.60.0
cd "$folder"
cat >look.py <<'EOF'
import os

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
import ray
from ray.exceptions import RayTaskError


class OneError(Exception):
    pass


class TwoError(Exception):
    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"{place}: {reason}")


@ray.remote
def fail(two: bool) -> None:
    raise TwoError("here", "this") if two else OneError("this")


ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level="ERROR", object_store_memory=100 << 20)
for two, kind in ((False, OneError), (True, TwoError)):
    try:
        ray.get(fail.options(max_retries=0).remote(two))
    except Exception as error:
        print(kind.__name__, isinstance(error, kind), isinstance(error, RayTaskError), type(error).__name__.split("(")[0])
EOF
seen=$(HOME=$folder venv/bin/python look.py 2>/dev/null)
expected="OneError True True RayTaskError
TwoError False False UnserializableException"
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
