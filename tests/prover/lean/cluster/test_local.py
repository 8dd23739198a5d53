"""The record of a cluster started in the background."""

import json
import os
from dataclasses import asdict
from pathlib import Path

import psutil
import pytest

from prover.lean.cluster.ray import local

ME = psutil.Process()
THERE = local.Running(ME.pid, ME.create_time(), "127.0.0.2:1", (), "folder", "secret")


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "cluster.json"
    monkeypatch.setattr(local, "state_file", lambda: file)
    return file


def test_a_cluster_is_found_while_its_process_lives(file: Path) -> None:
    assert local.running(file) is None
    file.write_text(json.dumps(asdict(THERE)))
    found = local.running(file)
    assert found
    assert (found.address, found.folder) == (THERE.address, THERE.folder)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"pid": 1}', "\x00"])
def test_a_file_that_tells_nothing_is_no_cluster(file: Path, text: str) -> None:
    file.write_text(text)
    assert local.running(file) is None
    assert not local.down(file)


def test_another_process_of_the_same_number_is_no_cluster(file: Path) -> None:
    file.write_text(json.dumps({**asdict(THERE), "started": 1.0}))
    assert local.running(file) is None
    assert not local.down(file)
    assert psutil.pid_exists(os.getpid())


def test_the_token_of_a_cluster_is_found_by_its_address_alone(file: Path) -> None:
    assert local.token_of("auto") is None
    file.write_text(json.dumps(asdict(THERE)))
    assert local.token_of(THERE.address) == local.token_of("auto") == Path("secret")
    assert local.token_of("127.0.0.2:2") is None
