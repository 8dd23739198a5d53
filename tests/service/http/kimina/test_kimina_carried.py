"""Kimina's contract over HTTP, asked for by Kimina's own client too, of an engine whose verdicts are written down; no Lean is started."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from prover.requests import Check
from prover.verdict import Message, Mode, Trust, Verdict, VerdictKind
from service.core.engine import Engine
from service.ops.config import HttpSettings, ServerSettings, Settings
from service.server import listening
from tests.support.programs.apart import environment

VERDICTS = {
    "omega": Verdict(VerdictKind.VERIFIED, Trust.KERNEL_REPLAYED, axioms=("propext",)),
    "sorry": Verdict(VerdictKind.INCOMPLETE, Trust.NONE),
    "rfl_": Verdict(VerdictKind.REJECTED, Trust.NONE, messages=(Message("error", "unknown", line=2, column=2),)),
    "given": Verdict(VerdictKind.AXIOM_NOT_ALLOWED, Trust.NONE),
    "slow": Verdict(VerdictKind.TIMEOUT, Trust.NONE),
}
STATUSES = {"omega": "valid", "sorry": "sorry", "rfl_": "lean_error", "given": "lean_error", "slow": "timeout_error"}
FILES = {word: f"import Std\n\ntheorem t : 1 + 1 = 2 := by\n  {word}\n" for word in VERDICTS}


class Scripted(Engine):
    """Never started; its verdicts go by the last word of a file."""

    async def check(self, request: Check) -> Verdict:
        assert request.candidate.mode is Mode.FILE
        assert request.theorem.statement == ""
        assert "Std" in request.theorem.header.imports
        return VERDICTS[request.candidate.text.split()[-1]]


@pytest_asyncio.fixture
async def scripted() -> AsyncIterator[httpx.AsyncClient]:
    settings = Settings(
        server=ServerSettings(listen="127.0.0.1:0", message_bytes=1 << 16, drain_seconds=1),
        http=HttpSettings(listen="127.0.0.1:0"),
    )
    urls: list[str] = []
    async with (
        listening(Scripted(settings), settings, asyncio.Event(), announce_http=urls.append),
        httpx.AsyncClient(base_url=urls[0], timeout=60) as client,
    ):
        yield client


async def test_kiminas_client_sees_each_verdict_as_its_own_status(scripted: httpx.AsyncClient) -> None:
    python = environment("kimina") / "python"
    command = [python, Path(__file__).with_name("ask.py"), str(scripted.base_url)]
    ask = {"input": json.dumps(FILES), "capture_output": True, "text": True, "timeout": 120, "check": False}
    done = await asyncio.to_thread(lambda: subprocess.run(command, **ask))
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["statuses"] == STATUSES
    assert seen["names"] == list(FILES)


async def test_many_files_are_answered_in_their_order(scripted: httpx.AsyncClient) -> None:
    snippets = [{"id": f"{number}", "code": FILES["sorry" if number % 3 else "omega"]} for number in range(200)]
    answer = (await scripted.post("/api/check", json={"snippets": snippets, "infotree": "full", "gc": True})).json()
    assert [one["id"] for one in answer["results"]] == [one["id"] for one in snippets]
    assert [number for number, one in enumerate(answer["results"]) if one["verdict"] == "VERIFIED"] == [
        *range(0, 200, 3)
    ]
    assert [note.partition(" ")[0] for note in answer["notes"]] == ["infotree", "gc"]


@pytest.mark.parametrize(
    ("page", "body", "field"),
    [
        ("/verify", {}, "codes"),
        ("/verify", {"codes": []}, "codes"),
        ("/verify", {"codes": [{"custom_id": 1}]}, "codes.0"),
        ("/verify", {"codes": [{"custom_id": 1, "proof": "x"}, {"custom_id": "1", "code": "y"}]}, "custom_id"),
        ("/verify", {"codes": [{"custom_id": 1, "proof": "x"}], "timeout": 0}, "timeout"),
        ("/api/check", {"snippets": [{"id": "a"}]}, "snippets.0.code"),
        ("/api/check", {"snippets": [{"id": "a", "code": "x"}] * 2}, "id"),
        ("/api/check", [], "request"),
    ],
)
async def test_what_is_wrong_with_a_request_is_named(
    scripted: httpx.AsyncClient, page: str, body: object, field: str
) -> None:
    answer = await scripted.post(page, json=body)
    assert answer.status_code == 400
    (violations,) = [one for one in answer.json()["error"]["details"] if one["@type"].endswith("BadRequest")]
    assert violations["fieldViolations"][0]["field"] == field


async def test_what_is_no_text_is_refused(scripted: httpx.AsyncClient) -> None:
    said = {"content-type": "application/json"}
    for content in (b"\xff", b'{"codes": [{"custom_id": 1, "proof": "\\ud800"}]}', b"{" * 10_000, b"x" * (1 << 17)):
        assert (await scripted.post("/verify", content=content, headers=said)).status_code in (400, 413)
    assert (await scripted.post("/verify", content=b"{}")).status_code == 415
