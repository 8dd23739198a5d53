"""The examples of docs/api.md are run as they stand."""

import asyncio
import re
import tomllib
from pathlib import Path

import pytest

from service.contract.methods import METHODS
from service.ops import config

TEXT = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


@pytest.mark.lean
async def test_the_python_examples_run(served: str) -> None:
    code = "\n".join(blocks("python")).replace("127.0.0.1:50061", served)
    assert code.count(served) == 2
    calls = METHODS
    assert [name for name in calls if not re.search(rf"\b\w+\.{name}\b", code)] == [], "each call has an example"
    await asyncio.to_thread(exec, compile(code, "docs/api.md", "exec"), {"__name__": "example"})


def test_the_example_of_a_configuration_file_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LEANSIEVE_LEAN__WORKERS")  # the environment precedes a file
    (example,) = blocks("toml")
    file = tmp_path / "config.toml"
    file.write_text(example)
    settings = config.load(file)
    assert settings.lean.workers == tomllib.loads(example)["lean"]["workers"]
    assert set(settings.policies) == {"default", "compiler"}
