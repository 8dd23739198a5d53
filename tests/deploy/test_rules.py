"""Alert and recording rules, tested with Prometheus's own tool."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.programs.prometheus import panels

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "prometheus"
RULES = ["recording.yaml", "alerts.yaml"]

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed (Debian: apt-get install prometheus)"
)


def rules(name: str) -> list[dict[str, Any]]:
    groups = yaml.safe_load((FOLDER / name).read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def promtool(*arguments: str) -> None:
    done = subprocess.run(["promtool", *arguments], cwd=FOLDER, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_the_rules_are_well_formed() -> None:
    promtool("check", "rules", "--lint=all", "--lint-fatal", *RULES)
    promtool("check", "config", "prometheus.yaml")


@pytest.mark.skipif(
    shutil.which("amtool") is None, reason="amtool is not installed (Debian: apt-get install prometheus-alertmanager)"
)
@pytest.mark.parametrize(("severity", "receiver"), [("critical", "on-call"), ("warning", "office")])
def test_alerts_reach_whom_they_should(severity: str, receiver: str) -> None:
    configuration = str(FOLDER / "alertmanager.yaml")
    for arguments in (["check-config", configuration], ["config", "routes", "test", "--config.file", configuration]):
        labels = [] if arguments[0] == "check-config" else [f"severity={severity}", "alertname=LeansieveErrors"]
        done = subprocess.run(["amtool", *arguments, *labels], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip() == receiver


@needs_promtool
def test_alerts_fire_when_they_should_and_not_before() -> None:
    promtool("test", "rules", "rules.test.yaml")


def test_every_alert_is_seen_to_fire() -> None:
    cases = yaml.safe_load((FOLDER / "rules.test.yaml").read_text())["tests"]
    fires = {one["alertname"] for case in cases for one in case.get("alert_rule_test", []) if one.get("exp_alerts")}
    assert fires == {alert["alert"] for alert in rules("alerts.yaml")}


def test_what_alerts_watch_is_on_the_dashboard() -> None:
    shown = " ".join(query for _, query, _ in panels())
    recorded = {rule["record"]: rule["expr"] for rule in rules("recording.yaml")}
    for alert in rules("alerts.yaml"):
        asked = alert["expr"] + "".join(expr for name, expr in recorded.items() if name in alert["expr"])
        for metric in re.findall(r"\bleansieve_\w+", asked):
            # Failed starts are a state of workers there.
            assert metric in shown or metric == "leansieve_worker_failed_starts_total", (alert["alert"], metric)


def test_every_alert_has_a_page_in_the_runbook() -> None:
    headings = re.findall(r"^#+ (.+)$", (ROOT / "docs" / "operations.md").read_text(), re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    alerts = rules("alerts.yaml")
    assert len(alerts) >= 12
    for alert in alerts:
        page, _, anchor = alert["annotations"]["runbook"].partition("#")
        assert page == "docs/operations.md"
        assert anchor in anchors, alert["alert"]
        assert alert["labels"]["severity"] in ("critical", "warning")
