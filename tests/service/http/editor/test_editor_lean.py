"""editor/Leansieve.lean: all of it elaborates, and what it sends and reads is what a real bridge takes and sends.

The embedded Lean can start no process and lacks the code of some that tactics call, so the file's first half is run here: a
`main` behind it prints what `curl` is to read and reads what `curl` printed, and this test starts the real `curl` in
between. That the tactics do what they say needs a native Lean.
"""

import asyncio
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from textwrap import indent

import httpx
import pytest

from prover.lean.runtimes.embedded import EmbeddedLean
from tests.prover.lean.runtimes.embedded.talk import Talk

FILE = (Path(__file__).parents[4] / "editor" / "Leansieve.lean").read_text(encoding="utf-8")
TACTIC = re.compile(r'^elab tactic:"(\w+\??)" : tactic => (Leansieve\.\w+) tactic$', re.MULTILINE)
MAIN = Path(__file__).with_name("main.lean").read_text(encoding="utf-8")


def program() -> str:
    """The file with code for its first half alone, and with a `main`."""
    text = FILE.replace("import Lean\n", "import Lean\nset_option compiler.checkMeta false\n", 1)
    first, second = text.split("/-! ## Calls -/")
    assert "Json.parse" not in second
    assert "IO.Process" not in first
    # Code for a tactic is what there is none of; its type is looked at.
    second = TACTIC.sub(r"example : Syntax → TacticM Unit := \2", second)
    return f"{first}\nend Leansieve\nnoncomputable section\nnamespace Leansieve\n{second}\nend\n{MAIN}"


def converse(url: str, curl: Callable[[str], str]) -> list[str]:
    """What the program says, `curl` called for what it asks."""
    lean = EmbeddedLean(program=program())
    lean.prepare()
    said = []
    with Talk(lean.launch(())) as talk:
        talk.say(json.dumps(url))
        while not (line := talk.hear()).startswith("END"):
            kind, _, text = line.partition(" ")
            assert kind in ("ASK", "SAY"), line
            if kind == "ASK":
                talk.say(json.dumps(curl(json.loads(text))))
            else:
                said.append(json.loads(text))
    return said


def test_there_are_two_tactics() -> None:
    assert [found[0] for found in TACTIC.findall(FILE)] == ["leansieve?", "leansieve_suggest"]


@pytest.mark.lean
@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")
async def test_the_tactics_elaborate_and_speak_with_the_bridge_where_curl_is_started_for_them(
    bridge: str, web: httpx.AsyncClient
) -> None:
    loop = asyncio.get_running_loop()

    async def run(config: str) -> str:
        process = await asyncio.create_subprocess_exec(
            "curl", "-q", "-K", "-", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        out, _ = await asyncio.wait_for(process.communicate(config.encode()), 120)
        assert process.returncode == 0
        return out.decode()

    def curl(config: str) -> str:
        return asyncio.run_coroutine_threadsafe(run(config), loop).result()

    statement, proved, suggested, *refused = await asyncio.to_thread(converse, bridge, curl)
    scripts = proved.split("\n---\n")
    assert scripts
    for script in scripts:
        body = {
            "theorem": {"statement": statement, "context": "universe u_1\n"},
            "proof": "by\n" + indent(script, "  "),
        }
        checked = await web.post("/v1/check-proof", json=body)
        assert checked.json()["verdict"]["kind"] == "VERDICT_KIND_VERIFIED"
    assert "omega" in suggested.split("\n---\n")
    unknown, unknown_too, foreign, *texts = refused
    assert unknown.startswith("error: ")
    assert "missing" in unknown
    assert "missing" in unknown_too
    assert foreign == "error: the answer is not one of leansieve's"
    assert texts == ["intro\n  simp\nomega", "simp\nomega", "exact fun h => h", "exact by_contra h", "a\n    b"]
