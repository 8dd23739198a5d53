"""The commands of docs/http.md and docs/tutor.md are run as they stand."""

import asyncio
import re
import shutil
from pathlib import Path

import pytest

from service.ops import config

DOCS = Path(__file__).parents[3] / "docs"
TEXT = "".join((DOCS / name).read_text(encoding="utf-8") for name in ("http.md", "tutor.md"))


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


@pytest.mark.lean
@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")
async def test_the_commands_get_what_is_said(bridge: str) -> None:
    commands = [block for block in blocks("sh") if "curl" in block]
    answers = []
    for command in commands:
        process = await asyncio.create_subprocess_shell(
            command.replace("http://127.0.0.1:8061", bridge), stdout=asyncio.subprocess.PIPE
        )
        out, _ = await asyncio.wait_for(process.communicate(), 120)
        assert process.returncode == 0
        answers.append(out.decode())
    check, prove, checks, generate, hint = answers
    assert '"VERDICT_KIND_VERIFIED"' in check
    assert prove.count("event: proof\n") == 2
    assert prove.startswith("event: accepted\n")
    assert '"VERDICT_KIND_VERIFIED"' in checks
    assert '"score": 1.0' in generate
    assert '"HINT_LEVEL_QUESTION"' in hint


def test_the_examples_of_configuration_files_are_taken(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    loaded = []
    for example in blocks("toml"):
        file.write_text(example)
        loaded.append(config.load(file))
    pages, phrased, guided = loaded
    assert pages.http.origins == ("https://lean.example",)
    assert phrased.tutor.urls == ("http://gpu1:8000",)
    assert guided.tutor.guidance == "learnt"
