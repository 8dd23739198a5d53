"""The overlay for a Ray cluster: valid for Kubernetes, and consistent with base, settings and pins.

No package ships KubeRay's schema: `kuberay.schema.json` has KubeRay's own fields of its CustomResourceDefinition of `ray.io/v1`; the parts of
Kubernetes in them (pods, containers' resources and security) are validated by Kubernetes' schema.
"""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml

from service.ops import config

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "kubernetes" / "cluster"
SCHEMA = json.loads(Path(__file__).with_name("kuberay.schema.json").read_text())


def loaded(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((FOLDER / name).read_text()))


@pytest.fixture
def ray() -> dict[str, Any]:
    (resource,) = loaded("raycluster.yaml")
    spec: dict[str, Any] = resource["spec"]
    return spec


def groups(ray: dict[str, Any]) -> list[dict[str, Any]]:
    return [ray["headGroupSpec"], *ray["workerGroupSpecs"]]


def test_kubernetes_takes_the_pods_and_the_policies(ray: dict[str, Any]) -> None:
    for group in groups(ray):
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "host"}, **group["template"]}
        kubernetes_validate.validate(pod, "1.37", strict=True)
    for policy in loaded("network.yaml"):
        kubernetes_validate.validate(policy, "1.37", strict=True)


def test_kuberay_takes_the_cluster() -> None:
    (resource,) = loaded("raycluster.yaml")
    jsonschema.validate(resource, SCHEMA)
    for wrong in (
        {"authOptions": {"mode": "tokens"}},
        {"autoscalerOption": {}},
        {"enableInTreeAutoscaling": "yes"},
        {"headGroupSpec": {"template": {}, "rayStartParams": {"num-cpus": 0}}},
        {"workerGroupSpecs": [{"template": {}, "maxReplicas": 1, "minReplicas": 0}]},
    ):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**resource, "spec": {**resource["spec"], **wrong}}, SCHEMA)


def test_kubernetes_takes_the_autoscaler_beside_the_head(ray: dict[str, Any]) -> None:
    options = ray["autoscalerOptions"]
    of_kubernetes = {name: options[name] for name in ("resources", "securityContext")}
    pod = {"containers": [{"name": "autoscaler", "image": "ray", **of_kubernetes}]}
    kubernetes_validate.validate(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "head"}, "spec": pod}, "1.37", strict=True
    )


def test_hosts_run_confined_and_ask_for_a_token(ray: dict[str, Any]) -> None:
    assert ray["authOptions"] == {"mode": "token"}
    for group in groups(ray):
        pod = group["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"]
        for container in (*pod.get("initContainers", []), *pod["containers"]):
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            assert not container["securityContext"]["allowPrivilegeEscalation"]
            assert {"memory", "ephemeral-storage"} <= container["resources"]["limits"].keys()


def test_only_hosts_offer_lean(ray: dict[str, Any]) -> None:
    (lean,) = ray["workerGroupSpecs"]
    assert json.loads(json.loads(lean["rayStartParams"]["resources"])) == {"lean": 1}
    assert "resources" not in ray["headGroupSpec"]["rayStartParams"]


def test_one_version_of_ray_is_named_everywhere(ray: dict[str, Any]) -> None:
    pinned = re.search(r'^ray = \["ray==([\d.]+)"\]', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    image = re.search(r"ray\[default\]==([\d.]+)", (ROOT / "deploy" / "docker" / "Dockerfile.ray").read_text())
    assert pinned
    assert image
    assert ray["rayVersion"] == pinned[1] == image[1]


def test_the_server_asks_the_cluster_that_is_there(ray: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    (driver,) = loaded("driver.yaml")
    (container,) = driver["spec"]["template"]["spec"]["containers"]
    (resource,) = loaded("raycluster.yaml")
    name = resource["metadata"]["name"]
    values = {each["name"]: each for each in container["env"]}
    for variable, each in values.items():
        monkeypatch.setenv(variable, each.get("value", ""))
    settings = config.load(ROOT / "deploy" / "kubernetes" / "base" / "config.toml").lean
    assert settings.cluster == f"ray://{name}-head-svc:10001"
    assert settings.cluster_hosts == ray["workerGroupSpecs"][0]["maxReplicas"]
    assert values["RAY_AUTH_TOKEN"]["valueFrom"]["secretKeyRef"]["name"] == name
    for policy in loaded("network.yaml"):
        selectors = [policy["spec"]["podSelector"]["matchLabels"]]
        selectors += [
            to["podSelector"]["matchLabels"]
            for rule in policy["spec"].get("egress", [])
            for to in rule.get("to", [])
            if "podSelector" in to
        ]
        assert {one["ray.io/cluster"] for one in selectors if "ray.io/cluster" in one} == {name}


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
def test_kustomize_builds_the_overlay() -> None:
    built = subprocess.run(["kubectl", "kustomize", str(FOLDER)], capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    resources = list(yaml.safe_load_all(built.stdout))
    kinds = {one["kind"] for one in resources}
    assert "RayCluster" in kinds
    assert "HorizontalPodAutoscaler" not in kinds
    for one in resources:
        if one["kind"] != "RayCluster":
            kubernetes_validate.validate(one, "1.37", strict=True)
    images = set(re.findall(r"image: (\S+)", built.stdout))
    assert len(images) == 1, "server and hosts run the same"
