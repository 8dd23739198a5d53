"""Manifests for Kubernetes, compose and images: well-formed, and consistent with the settings."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml
from pydantic import BaseModel, ValidationError

from service.core.engine import Engine
from service.ops import config
from service.ops.config import Settings
from service.ops.health import Health
from service.ops.metrics.collector import ServerCollector

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
BASE = DEPLOY / "kubernetes" / "base"
RESOURCES = sorted(path for path in BASE.glob("*.yaml") if path.name != "kustomization.yaml")


def resource(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((BASE / name).read_text())
    return loaded


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Return the settings of a pod."""
    monkeypatch.delenv("LEANSIEVE_CONFIG", raising=False)
    return config.load(BASE / "config.toml")


@pytest.mark.parametrize("path", RESOURCES, ids=lambda path: path.name)
def test_kubernetes_takes_each_resource(path: Path) -> None:
    kubernetes_validate.validate(yaml.safe_load(path.read_text()), "1.37", strict=True)


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
def test_kustomize_builds_what_kubernetes_takes() -> None:
    built = subprocess.run(["kubectl", "kustomize", str(BASE)], capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    resources = list(yaml.safe_load_all(built.stdout))
    assert len(resources) == len(RESOURCES) + 1  # the configuration is made there
    for one in resources:
        kubernetes_validate.validate(one, "1.37", strict=True)
    (config_map,) = (one for one in resources if one["kind"] == "ConfigMap")
    (deployment,) = (one for one in resources if one["kind"] == "Deployment")
    names = [
        volume["configMap"]["name"]
        for volume in deployment["spec"]["template"]["spec"]["volumes"]
        if "configMap" in volume
    ]
    assert names == [config_map["metadata"]["name"]], "another configuration rolls the pods"


def test_the_base_names_every_file_of_its_folder() -> None:
    base = resource("kustomization.yaml")
    (generated,) = base["configMapGenerator"]
    assert {*base["resources"], "kustomization.yaml", *generated["files"]} == {path.name for path in BASE.iterdir()}


def test_a_pod_serves_encrypted_and_authenticated_on_the_ports_that_are_published(deployed: Settings) -> None:
    (container,) = resource("deployment.yaml")["spec"]["template"]["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert deployed.server.listen == f"0.0.0.0:{ports['grpc']}"
    assert deployed.metrics.listen == f"0.0.0.0:{ports['metrics']}"
    assert deployed.security.encrypted
    assert deployed.security.authenticated
    assert not deployed.server.allow_remote
    mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
    for file in (deployed.security.certificate, deployed.security.tokens):
        assert file is not None
        assert str(file.parent) in mounts


def test_a_pod_has_time_to_drain(deployed: Settings) -> None:
    grace = resource("deployment.yaml")["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    assert grace >= deployed.server.notice_seconds + deployed.server.drain_seconds + 15


def test_a_pod_runs_confined() -> None:
    pod = resource("deployment.yaml")["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in (*pod["initContainers"], *pod["containers"]):
        context = container["securityContext"]
        assert context["readOnlyRootFilesystem"]
        assert not context["allowPrivilegeEscalation"]
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert {"memory", "ephemeral-storage"} <= container["resources"]["limits"].keys()
        assert "ephemeral-storage" in container["resources"]["requests"]


READY = "/readyz?exclude=store"


def test_probes_ask_what_the_server_answers() -> None:
    (container,) = resource("deployment.yaml")["spec"]["template"]["spec"]["containers"]
    paths = {name: container[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "readiness", "liveness")}
    assert paths == {"startup": READY, "readiness": READY, "liveness": "/livez"}


def test_the_autoscaler_asks_for_a_metric_that_there_is() -> None:
    (metric,) = resource("autoscaler.yaml")["spec"]["metrics"]
    name = metric["pods"]["metric"]["name"]
    (rule,) = yaml.safe_load((DEPLOY / "kubernetes" / "prometheus-adapter.yaml").read_text())["rules"]["custom"]
    assert rule["name"]["as"] == name
    assert rule["seriesQuery"].startswith(f"{name}{{")
    collected = ServerCollector(Engine(Settings()), Health()).collect()
    assert name in {family.name for family in collected}


def test_deployment_budget_autoscaler_and_service_mean_the_same_pods() -> None:
    deployment = resource("deployment.yaml")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert deployment["spec"]["selector"]["matchLabels"] == labels
    assert resource("disruption.yaml")["spec"]["selector"]["matchLabels"] == labels
    assert resource("service.yaml")["spec"]["selector"] == labels
    assert resource("network.yaml")["spec"]["podSelector"]["matchLabels"] == labels
    target = resource("autoscaler.yaml")["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == (deployment["kind"], deployment["metadata"]["name"])


def test_compose_publishes_on_this_machine_alone() -> None:
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    assert set(services) == {"leansieve", "prometheus", "alertmanager", "grafana"}
    for service in services.values():
        assert service["mem_limit"]
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
        for volume in service["volumes"]:
            source = volume.partition(":")[0]
            assert not source.startswith(".") or (DEPLOY / source).exists(), volume


def test_images_of_others_are_named_by_digest() -> None:
    """A tag may later refer to another image."""
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    named = [service["image"] for service in services.values() if "build" not in service]
    named += re.findall(r"^ARG PYTHON=(\S+)$", (DEPLOY / "docker" / "Dockerfile").read_text(), re.MULTILINE)
    assert len(named) == 4
    for image in named:
        assert re.fullmatch(r"[\w./-]+:[\w.-]+@sha256:[0-9a-f]{64}", image), image


def test_pods_are_spread_over_nodes_and_zones() -> None:
    pod = resource("deployment.yaml")["spec"]["template"]
    spread = pod["spec"]["topologySpreadConstraints"]
    assert {each["topologyKey"] for each in spread} == {"kubernetes.io/hostname", "topology.kubernetes.io/zone"}
    assert all(each["labelSelector"]["matchLabels"] == pod["metadata"]["labels"] for each in spread)


def test_the_limits_of_a_pods_disk_hold_its_volumes() -> None:
    pod = resource("deployment.yaml")["spec"]["template"]["spec"]
    volumes = [volume["emptyDir"]["sizeLimit"] for volume in pod["volumes"] if "emptyDir" in volume]
    (container,) = pod["containers"]
    most = container["resources"]["limits"]["ephemeral-storage"]
    assert sum(int(size.removesuffix("Gi")) for size in volumes) < int(most.removesuffix("Gi"))


def test_the_operator_gets_the_rules_and_finds_the_pods() -> None:
    monitoring = DEPLOY / "kubernetes" / "monitoring"
    made = subprocess.run(
        [
            sys.executable,
            "-c",
            f"import runpy; print(runpy.run_path({str(monitoring / 'rules.py')!r})['text'](), end='')",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert (monitoring / "prometheusrule.yaml").read_text() == made.stdout, "run deploy/kubernetes/monitoring/rules.py"
    monitor = yaml.safe_load((monitoring / "podmonitor.yaml").read_text())["spec"]
    pod = resource("deployment.yaml")["spec"]["template"]
    assert monitor["selector"]["matchLabels"] == pod["metadata"]["labels"]
    assert pod["metadata"]["labels"][monitor["jobLabel"]] == "leansieve"
    (container,) = pod["spec"]["containers"]
    assert {each["port"] for each in monitor["podMetricsEndpoints"]} <= {port["name"] for port in container["ports"]}


@pytest.mark.parametrize(("name", "kind"), [("podmonitor", "PodMonitor"), ("prometheusrule", "PrometheusRule")])
def test_the_operator_takes_each_resource(name: str, kind: str) -> None:
    from cloudcoil.models.prometheus_operator import v1  # takes two seconds

    model: type[BaseModel] = getattr(v1, kind)
    loaded = yaml.safe_load((DEPLOY / "kubernetes" / "monitoring" / f"{name}.yaml").read_text())
    model.model_validate(loaded, extra="forbid")
    with pytest.raises(ValidationError, match="Extra inputs"):
        model.model_validate({**loaded, "spec": {**loaded["spec"], "unheard": 1}}, extra="forbid")


def test_the_image_of_the_base_is_this_version() -> None:
    (image,) = resource("kustomization.yaml")["images"]
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version is not None
    assert image == {"name": "leansieve", "newTag": version[1]}


@pytest.mark.parametrize("path", ["docker/Dockerfile", "docker/Dockerfile.gpu"])
def test_images_run_as_nobody_in_particular(path: str) -> None:
    users = re.findall(r"^USER (\S+)", (DEPLOY / path).read_text(), re.MULTILINE)
    assert users[-1] == "10001:10001"


def test_images_copy_only_what_exists() -> None:
    text = (DEPLOY / "docker" / "Dockerfile").read_text()
    let_in = set(re.findall(r"^!(\S+)", (ROOT / ".dockerignore").read_text(), re.MULTILINE))
    for line in re.findall(r"^COPY (?!--)(.+)$", text, re.MULTILINE):
        for name in line.split()[:-1]:
            assert (ROOT / name).exists(), name
            assert name in let_in, name


def test_the_gpu_image_has_the_vllm_that_the_project_wants() -> None:
    wanted = re.search(r'gpu = \["(vllm==[\d.]+)"\]', (ROOT / "pyproject.toml").read_text())
    assert wanted is not None
    assert wanted[1] in (DEPLOY / "docker" / "Dockerfile.gpu").read_text()


@pytest.mark.parametrize("path", ["docker/Dockerfile", "docker/Dockerfile.gpu", "compose.yaml"])
def test_environment_variables_are_settings(path: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    text = (DEPLOY / path).read_text()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    found = re.findall(r"\b(LEANSIEVE_[A-Z]+__[A-Z_]+)(?:=|: )(\S+)", text)
    assert found
    for name, value in found:
        monkeypatch.setenv(name, value.strip('"'))
    settings = config.load()
    for name, _ in found:
        section, _, field = name.removeprefix("LEANSIEVE_").lower().partition("__")
        assert field in getattr(settings, section).model_fields_set, name
