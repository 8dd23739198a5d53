"""No settings but those that a test makes."""

import os
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "no-config"))
    for name in [name for name in os.environ if name.startswith("LEANSIEVE_")]:
        monkeypatch.delenv(name)
