"""Kimina's contract, asked for by Kimina's own client in an environment of its own, and by hand."""

import asyncio
import json
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.support.programs.apart import environment

pytestmark = [pytest.mark.lean, pytest.mark.timeout(600)]

FILES = {
    "proved": "import Std\nopen Nat\n\ntheorem swap (a b : Nat) : a + b = b + a := by\n  omega\n",
    "wrong": "theorem swap (a b : Nat) : a + b = b + a := by\n  rfl_\n",
    "open": "theorem swap (a b : Nat) : a + b = b + a := by\n  sorry\n",
    "axiom": "axiom given : (1 : Nat) = 2\ntheorem from_it : (1 : Nat) = 2 := given\n",
    "hidden": 'theorem swap (a b : Nat) : a + b = b + a := by\n  exact (sorry : a + b = b + a) -- declared without "sorry"\n',
    "header": "import Nowhere.At.All\ntheorem t : True := trivial\n",
    "empty": "",
    "shown": "#eval 1\n#guard 1 = 2\ntheorem t : 1 + 1 = 2 := rfl\n",
}


async def test_kiminas_client_sees_what_is_accepted_and_what_is_not(bridge: str) -> None:
    python = environment("kimina") / "python"
    done = await asyncio.to_thread(
        subprocess.run,
        [python, Path(__file__).with_name("ask.py"), bridge],
        input=json.dumps(FILES),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["statuses"] == {
        "proved": "valid",
        "wrong": "lean_error",
        "open": "sorry",
        "axiom": "lean_error",
        "hidden": "sorry",
        "header": "lean_error",
        "empty": "server_error",
        "shown": "valid",
    }
    assert seen["names"] == list(FILES)
    assert seen["errors"]["empty"] == "the file is empty"


async def test_each_answer_says_whether_it_is_a_reward(web: httpx.AsyncClient) -> None:
    codes = [{"custom_id": name, "proof": code} for name, code in FILES.items()]
    answer = (await web.post("/verify", json={"codes": codes, "timeout": 20, "infotree_type": "original"})).json()
    found = {one["custom_id"]: one for one in answer["results"]}
    assert [note.partition(" ")[0] for note in answer["notes"]] == ["infotree"]
    assert [name for name, one in found.items() if one.get("verdict") == "VERIFIED"] == ["proved", "shown"]
    assert found["proved"]["trust"] == "KERNEL_REPLAYED"
    assert "/v1/check-solution" in found["proved"]["meaning"]
    assert found["axiom"]["verdict"] == "AXIOM_NOT_ALLOWED"
    assert all("no reward" in one["meaning"] for name, one in found.items() if name not in ("proved", "shown", "empty"))
    assert found["shown"]["not_run"] == ["#eval (line 1)", "#guard (line 2)"]
    (place,) = found["open"]["response"]["sorries"]
    assert place["pos"] == {"line": 2, "column": 2}
    (error,) = [one for one in found["wrong"]["response"]["messages"] if one["severity"] == "error"]
    assert error["pos"]["line"] == 2
