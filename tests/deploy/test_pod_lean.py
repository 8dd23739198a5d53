"""Every command of the manifests that can run here, as in a pod: start, probes, end."""

import asyncio
import json
import os
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml

from prover.lean.runtimes.embedded.cache.images import images_for
from prover.lean.runtimes.embedded.cache.install import cache_directory, install
from prover.lean.runtimes.embedded.runtime import joined_program
from prover.lean.workers.pool import WorkerPool
from service.auth import tokens
from service.auth.identity import Role
from service.ops.config import Settings
from tests.deploy.pod import ROOT, USER, Pod, beside, inside, needs_a_pod

pytestmark = [pytest.mark.lean, needs_a_pod, pytest.mark.timeout(300)]

BASE = ROOT / "deploy" / "kubernetes" / "base"
IMAGE = (ROOT / "deploy" / "docker" / "Dockerfile").read_text()


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that user 10001 can enter; pytest's own are kept to who runs it."""
    with tempfile.TemporaryDirectory(prefix="leansieve-pod-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        yield Path(name)


def spec() -> dict[str, Any]:
    deployment = yaml.safe_load((BASE / "deployment.yaml").read_text())
    found: dict[str, Any] = deployment["spec"]["template"]["spec"]
    return found


def copy_prepared(volume: Path) -> None:
    """What is prepared of Lean, for user 10001: all that the default imports need."""
    here = install(joined_program(), lambda _doing, _done, _total: None)
    images = images_for(here, Settings().lean.imports)
    for folder in (here.runtime, here.library, here.program, *(image for image in images if image.is_dir())):
        shutil.copytree(folder, volume / folder.relative_to(cache_directory()))
    for path in volume.rglob("*"):
        shutil.chown(path, USER, USER)


def own(folder: Path) -> None:
    """Make a secret, whose files only the group of the pod can read."""
    for path in (folder, *folder.iterdir()):
        shutil.chown(path, "root", USER)
        path.chmod(0o750 if path.is_dir() else 0o440)


def test_what_a_pod_runs_first_gives_it_all_that_the_image_has_prepared(folder: Path) -> None:
    """`cp -a` tried to set the times of the volume, which root owns: no pod started."""
    image = folder / "image"
    (image / "lean" / "private").mkdir(parents=True)
    (image / "lean" / "program").write_text("#!/bin/sh\n")
    (image / "lean" / "program").chmod(0o755)
    (image / "lean" / "link").symlink_to("program")
    (image / "lean" / "same").hardlink_to(image / "lean" / "program")
    for path in (image, *image.rglob("*")):
        shutil.chown(path, USER, USER)
    pod = Pod(folder)
    volume = pod.empty("cache", "/cache")
    pod.read_only(image, "/var/cache/leansieve")
    (init,) = spec()["initContainers"]
    assert pod.run(init["command"]) == (0, "")
    copied = volume / "lean"
    assert (copied / "program").stat().st_mode & 0o777 == 0o755
    assert (copied / "link").readlink() == Path("program")
    assert (copied / "same").samefile(copied / "program")
    assert (copied / "private").is_dir()
    assert copied.stat().st_uid == USER
    # A container that is started again copies again.
    assert pod.run(init["command"]) == (0, "")


async def test_a_pod_starts_answers_its_probes_proves_and_drains(folder: Path, lean_pool: WorkerPool) -> None:
    (container,) = spec()["containers"]
    # 1. The volumes: those of the cluster, and the init container's copy.
    secrets = folder / "tls", folder / "tokens"
    for secret in secrets:
        secret.mkdir()
    pair = trustme.CA().issue_cert("leansieve")
    pair.private_key_pem.write_to_path(secrets[0] / "tls.key")
    (secrets[0] / "tls.crt").write_bytes(b"".join(part.bytes() for part in pair.cert_chain_pems))
    tokens.new(secrets[1] / "tokens.toml", "editor", [Role.PROVE])
    for secret in secrets:
        own(secret)
    pod = Pod(folder)
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    pod.read_only(BASE / "config.toml", mounts["config"])
    pod.read_only(secrets[0], mounts["tls"])
    pod.read_only(secrets[1], mounts["tokens"])
    pod.empty("data", mounts["data"])
    pod.empty("tmp", mounts["tmp"])
    cache = pod.empty("cache", mounts["cache"])
    copy_prepared(cache)

    # 2. The image's entry point with the arguments of the pod, and its variables overridden by those of the pod.
    entry = json.loads(re.findall(r"^ENTRYPOINT (.+)$", IMAGE, re.MULTILINE)[-1])
    variables = dict(re.findall(r"\b((?:HOME|LEANSIEVE_\w+))=(\S+)", IMAGE))
    variables.pop("LEANSIEVE_STORE__URL", None)  # of the preparation alone
    variables |= {each["name"]: each["value"] for each in container["env"]}
    variables |= {"LEANSIEVE_LEAN__WORKERS": "1", "LEANSIEVE_LEAN__SPARES": "0"}
    variables |= {"LEANSIEVE_SERVER__NOTICE_SECONDS": "0"}
    running = pod.start([*entry, *container["args"]], variables)
    try:
        # 3. The probes: one of the image, the others of the manifest.
        (port,) = (each["containerPort"] for each in container["ports"] if each["name"] == "metrics")
        health = json.loads(re.findall(r"^HEALTHCHECK .*?CMD (\[.+?\])$", IMAGE, re.MULTILINE | re.DOTALL)[-1])
        assert health[0] == "python"
        for name in ("startup", "liveness", "readiness"):
            probe = container[f"{name}Probe"]
            asked = f"http://127.0.0.1:{port}{probe['httpGet']['path']}"
            script = f"import urllib.request; print(urllib.request.urlopen({asked!r}, timeout=5).status)"
            for _ in range(probe["failureThreshold"] if name == "startup" else 1):
                code, printed = beside(running, [sys.executable, "-c", script])
                if code == 0 or running.poll() is not None:
                    break
                await asyncio.sleep(probe["periodSeconds"])
            assert printed == "200\n", (name, printed, running.poll() is not None and running.communicate()[0])
        assert beside(running, [sys.executable, *health[1:]]) == (0, "")
        # 4. It ends by itself within the grace period.
        os.kill(inside(running), signal.SIGTERM)
        printed, _ = running.communicate(timeout=spec()["terminationGracePeriodSeconds"])
    finally:
        running.kill()
    assert running.returncode == 0, printed
    assert "leansieve is ready: a proof was checked" in printed
    assert "Traceback" not in printed
