"""Real HTTP, a real server, a real Lean."""

import asyncio
import json
from typing import Any

import grpc
import httpx
import pytest

from prover.lean.workers.pool import WorkerPool
from tests.support.pools import busy, until_idle

pytestmark = pytest.mark.lean

EASY = {"statement": "theorem easy (a b : Nat) : a + b = b + a"}
FALSE = {"statement": "theorem wrong (a b : Nat) : a + b = b + a + 1"}
# Half a million cases, one by one: takes minutes unless it is stopped.
LONG = {
    "theorem": {"statement": "theorem long : ∀ a b c d e : Fin 14, a + b + c + d + e = e + d + c + b + a"},
    "proof": "by decide",
    "limits": {"timeout": "100s", "heartbeats": 4_000_000, "recursion": 4_000},
}
FILE = "theorem x (a b : Nat) : a + b = b + a := sorry\n\ntheorem y : 1 + 1 = 2 := by\n  sorry\n"


def events_in(text: str) -> list[tuple[str, dict[str, Any]]]:
    """Name and data of each server-sent event."""
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if fields:
            found.append((fields["event"], json.loads(fields["data"])))
    return found


async def events(web: httpx.AsyncClient, path: str, request: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    answer = await web.post(path, json=request)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/event-stream"
    return events_in(answer.text)


async def test_a_search_is_a_stream_of_events(web: httpx.AsyncClient) -> None:
    found = await events(web, "/v1/prove", {"theorem": EASY, "options": {"budget": {"proofs": 2}}})
    assert found[0][0] == "accepted"
    assert found[0][1]["accepted"]["goal"] == "a b : Nat\n⊢ a + b = b + a"
    proofs = [data["proof"] for name, data in found if name == "proof"]
    assert len(proofs) == 2
    assert found[-1][0] == "summary"
    for proof in proofs:
        assert proof["verdict"]["trust"] == "TRUST_KERNEL_REPLAYED"
        checked = await web.post("/v1/check-proof", json={"theorem": EASY, "proof": proof["text"]})
        assert checked.json()["verdict"]["kind"] == "VERDICT_KIND_VERIFIED"


async def test_what_keeps_a_stream_open_is_no_event(web: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.http.calls._SILENCE_SECONDS", 0.001)
    answer = await web.post("/v1/prove", json={"theorem": EASY})
    assert "\n: still at it\n" in answer.text
    assert all("data: " in block for block in answer.text.split("\n\n")[:-1])


async def test_no_letter_of_a_text_ends_a_line_of_a_stream(web: httpx.AsyncClient) -> None:
    context = 'def text := "a\u2028b\u2029c\x85d"'
    item = {"id": "a\u2028b\u2029c\x85d", "check": {"theorem": {**EASY, "context": context}, "proof": "by no"}}
    answer = await web.post(
        "/v1/check-proofs", content=json.dumps(item), headers={"content-type": "application/x-ndjson"}
    )
    assert [data["id"] for _, data in events_in(answer.text)] == ["a\u2028b\u2029c\x85d"]


async def test_a_wrong_proof_is_a_verdict_with_its_place(web: httpx.AsyncClient) -> None:
    answer = await web.post(
        "/v1/check-proof", json={"theorem": EASY, "proof": "by rfl"}, headers={"x-request-id": "mine"}
    )
    assert answer.status_code == 200
    assert answer.headers["x-request-id"] == "mine"
    verdict = answer.json()["verdict"]
    assert verdict["kind"] == "VERDICT_KIND_REJECTED"
    assert verdict["messages"][0]["line"] == 1


async def test_the_sorries_of_a_file_are_filled(web: httpx.AsyncClient) -> None:
    found = await events(web, "/v1/fill-sorries", {"text": FILE})
    assert [name for name, _ in found if name != "progress"] == ["accepted", "filled", "filled", "summary"]
    summary = found[-1][1]["summary"]
    assert summary["verified"] is True
    assert summary["sorriesLeft"] == 0
    assert "sorry" not in summary["text"]


async def test_tactics_are_suggested_for_a_goal(web: httpx.AsyncClient) -> None:
    answer = await web.post("/v1/suggest-tactics", json={"goal": {"goal": "n : Nat\nh : 0 < n\n⊢ n ≠ 0"}})
    assert answer.status_code == 200
    best = answer.json()["suggestions"][0]
    assert best["outcome"] == "TACTIC_OUTCOME_CLOSES_GOAL"
    assert best["goals"] == []


async def test_the_library_is_searched(web: httpx.AsyncClient) -> None:
    asked = {"pattern": "?a + ?b = ?b + ?a", "premises": 2, "timeout": "60s"}
    answer = await web.post("/v1/suggest-premises", json=asked)
    assert answer.status_code == 200
    assert answer.json()["premises"][0]["name"] == "Nat.add_comm"
    for wrong, field in (({}, "query"), ({"pattern": "missing + _"}, "pattern"), ({"name": " "}, "name")):
        refused = await web.post("/v1/suggest-premises", json=wrong)
        assert refused.status_code == 400
        assert field in refused.text


async def test_lean_copilot_gets_tactics_with_falling_scores(web: httpx.AsyncClient) -> None:
    """The three fields that LeanCopilot sends, the two that it reads."""
    request = {"name": "leansieve", "input": "a b : Nat\nh : a ≤ b\n⊢ a < b + 1", "prefix": ""}
    answer = await web.post("/generate", json=request)
    assert answer.status_code == 200
    outputs = answer.json()["outputs"]
    assert outputs
    assert all(set(one) == {"output", "score"} for one in outputs)
    scores = [one["score"] for one in outputs]
    assert scores == sorted(scores, reverse=True)
    assert 0 < scores[-1] <= scores[0] == 1.0
    theorem = {"statement": "theorem t (a b : Nat) (h : a ≤ b) : a < b + 1"}
    checked = await web.post("/v1/check-proof", json={"theorem": theorem, "proof": f"by {outputs[0]['output']}"})
    assert checked.json()["verdict"]["kind"] == "VERDICT_KIND_VERIFIED"
    begins = (await web.post("/generate", json={**request, "prefix": "sim"})).json()["outputs"]
    assert all(one["output"].startswith("sim") for one in begins)


async def test_lean_copilot_is_told_what_is_wrong(web: httpx.AsyncClient) -> None:
    unknown = await web.post("/generate", json={"name": "no such model", "input": "⊢ True", "prefix": ""})
    assert unknown.status_code == 400
    untold = await web.post("/generate", json={"name": "leansieve", "prefix": 3})
    assert untold.status_code == 400
    (violations,) = [one for one in untold.json()["error"]["details"] if one["@type"].endswith("BadRequest")]
    assert [one["field"] for one in violations["fieldViolations"]] == ["input", "prefix"]


async def test_many_proofs_are_checked_line_by_line(web: httpx.AsyncClient) -> None:
    items = [
        {"id": "good", "check": {"theorem": EASY, "proof": "by omega"}},
        {"id": "bad", "check": {"theorem": EASY, "proof": "by rfl"}},
        {"id": "none", "check": {"theorem": EASY}},
    ]
    body = "\n".join(json.dumps(item) for item in items)
    answer = await web.post("/v1/check-proofs", content=body, headers={"content-type": "application/x-ndjson"})
    found = {data["id"]: data for name, data in events_in(answer.text) if name == "message"}
    assert found["good"]["verdict"]["kind"] == "VERDICT_KIND_VERIFIED"
    assert found["bad"]["verdict"]["kind"] == "VERDICT_KIND_REJECTED"
    assert found["none"]["error"]["code"] == grpc.StatusCode.INVALID_ARGUMENT.value[0]


async def test_a_line_that_is_no_item_is_answered_and_the_others_go_on(web: httpx.AsyncClient) -> None:
    good = json.dumps({"id": "good", "check": {"theorem": EASY, "proof": "by omega"}})
    bad = (
        '{"id": 3',
        '{"x": 1}',
        '{"id": "mine", "check": 5}',
        "[" * 10_000,
        '{"id": "' + "x" * (1 << 17) + '"}',
        "\xff",
        "null",
    )
    body = "\n\n".join([*bad, good]).encode("latin-1")
    answer = await web.post("/v1/check-proofs", content=body, headers={"content-type": "application/x-ndjson"})
    found = events_in(answer.text)
    assert {name for name, _ in found} == {"message"}
    by_id = {data["id"]: data for _, data in found}
    assert by_id.pop("good")["verdict"]["kind"] == "VERDICT_KIND_VERIFIED"
    assert sorted(by_id) == ["line:1", "line:11", "line:13", "line:3", "line:7", "line:9", "mine"]
    for name, data in by_id.items():
        assert data["error"]["code"] == grpc.StatusCode.INVALID_ARGUMENT.value[0]
        assert data["error"]["message"].startswith("line 5: " if name == "mine" else f"line {name[5:]}: ")
    assert "longer than this server takes" in by_id["line:9"]["error"]["message"]
    assert "not UTF-8" in by_id["line:11"]["error"]["message"]


async def test_a_batch_is_submitted_watched_and_cancelled(web: httpx.AsyncClient) -> None:
    items = [{"id": f"item {number}", "theorem": EASY} for number in range(2)]
    submitted = (await web.post("/v1/create-batch", json={"items": items, "label": "<b>"})).json()["batch"]
    assert submitted["itemCount"] == 2
    found = await events(web, "/v1/watch-batch-results", {"id": submitted["id"]})
    results = [data["result"] for name, data in found if name == "result"]
    assert [one["outcome"] for one in results] == ["BATCH_OUTCOME_PROVED"] * 2
    assert [one["cursor"] for one in results] == ["1", "2"], "64 bits are strings in protobuf's JSON"
    cancelled = (await web.post("/v1/cancel-batch", json={"id": submitted["id"]})).json()["batch"]
    assert cancelled["state"] == "BATCH_STATE_DONE"
    unknown = await web.post("/v1/watch-batch-results", json={"id": "0" * 32})
    assert (unknown.status_code, unknown.json()["error"]["status"]) == (404, "NOT_FOUND")


async def test_a_statement_that_does_not_elaborate_is_400_with_its_place(web: httpx.AsyncClient) -> None:
    answer = await web.post("/v1/prove", json={"theorem": {"statement": "theorem bad (a : Nat) :\n  a = missing"}})
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["status"] == "INVALID_ARGUMENT"
    details = {one["@type"].rpartition(".")[2]: one for one in error["details"]}
    assert details["BadRequest"]["fieldViolations"][0]["field"] == "theorem.statement"
    assert details["ErrorInfo"]["reason"] == "INVALID_STATEMENT"
    assert details["Verdict"]["messages"][0]["line"] == 2


async def test_a_client_that_hangs_up_stops_lean(web: httpx.AsyncClient, lean_pool: WorkerPool) -> None:
    await until_idle(lean_pool, 60)
    checking = asyncio.create_task(web.post("/v1/check-proof", json=LONG))
    async with asyncio.timeout(60):
        await busy(lean_pool)
    abandoned = lean_pool.stats().abandoned
    checking.cancel()
    await until_idle(lean_pool, 60)
    assert lean_pool.stats().abandoned == abandoned + 1


async def test_a_stream_that_is_left_stops_its_search_and_a_full_server_says_when_to_come_back(
    web: httpx.AsyncClient, lean_pool: WorkerPool
) -> None:
    request = {"theorem": FALSE, "options": {"budget": {"samples": 1000, "timeout": "120s"}}}
    async with (
        web.stream("POST", "/v1/prove", json=request) as one,
        web.stream("POST", "/v1/prove", json=request) as two,
    ):
        for searching in (one, two):
            assert (await anext(searching.aiter_lines())) == "event: accepted"
        full = await web.post("/v1/prove", json=request)
        assert full.status_code == 429
        assert int(full.headers["retry-after"]) >= 1
        assert full.json()["error"]["status"] == "RESOURCE_EXHAUSTED"
    await until_idle(lean_pool, 60)
    verdicts = sum(lean_pool.stats().verdicts.values())
    await asyncio.sleep(0.5)
    assert sum(lean_pool.stats().verdicts.values()) == verdicts
    assert (await web.post("/v1/prove", json={"theorem": EASY})).status_code == 200


async def test_the_server_tells_what_it_is(web: httpx.AsyncClient) -> None:
    info = (await web.post("/v1/get-server-info", json={})).json()
    assert info["leanVersion"].startswith("4.")
    assert info["workers"] == 2
    health = await web.get("/healthz")
    assert (health.status_code, health.json()) == (200, {"serving": True})
    refused = await web.post("/v1/reload-model", json={})
    assert (refused.status_code, refused.json()["error"]["status"]) == (409, "FAILED_PRECONDITION")
