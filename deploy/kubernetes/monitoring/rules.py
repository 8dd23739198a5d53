"""Writes prometheusrule.yaml: the rules of deploy/prometheus as the Prometheus operator takes them.

python deploy/kubernetes/monitoring/rules.py
"""

from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
RULES = HERE.parents[1] / "prometheus"


def resource() -> dict[str, Any]:
    """The resource; its groups are those of the files, each under the name of its file."""
    groups = []
    for name in ("recording", "alerts"):
        (group,) = yaml.safe_load((RULES / f"{name}.yaml").read_text())["groups"]
        groups.append({**group, "name": f"{group['name']}-{name}"})
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "leansieve", "labels": {"app.kubernetes.io/name": "leansieve"}},
        "spec": {"groups": groups},
    }


def text() -> str:
    """The file."""
    head = "# Made by rules.py of deploy/prometheus/recording.yaml and alerts.yaml: change those.\n"
    return head + str(yaml.safe_dump(resource(), sort_keys=False, width=120))


if __name__ == "__main__":
    (HERE / "prometheusrule.yaml").write_text(text())
