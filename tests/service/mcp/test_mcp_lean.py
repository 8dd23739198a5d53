"""Agents over both transports, with the protocol's official client."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp.client import Client as Agent
from mcp.client.stdio import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from prover.assistance.suggest import Suggest, Suggestions
from prover.requests import Accepted, Check, Event, Search
from prover.search.search import Ending, Finished, Progress
from prover.verdict import Trust, Verdict, VerdictKind
from service.auth import tokens
from service.auth.identity import Quota, Role
from service.client.client import Client
from service.mcp.http import serve_http
from service.ops.config import SecuritySettings, Settings
from tests.support.commands import program

FILE = """notation "ℕ" => Nat

theorem open_one (a b : ℕ) : a + b = b + a := by
  sorry

theorem proved (n : Nat) : n ≤ n + 1 := by omega
"""

WRONG = """namespace Foo

theorem wrong : 1 = 2 := by
  rfl

theorem fine : 2 = 2 := rfl

theorem uses : 2 = 1 := wrong.symm

#guard 1 = 2

def broken : Nat := "x"

theorem last (n : Nat) : n < n + 1 := by
  sorry

end Foo
"""


async def answer(agent: Agent, tool: str, **arguments: Any) -> dict[str, Any]:
    result = await agent.call_tool(tool, arguments)
    assert result.structured_content is not None
    return result.structured_content


@pytest.mark.lean
async def test_an_agents_session_over_stdio(served: str, tmp_path: Path) -> None:
    file = tmp_path / "Example.lean"
    file.write_text(FILE, encoding="utf-8")
    name, *client = program()
    command = StdioServerParameters(command=name, args=[*client, "mcp", "--server", served])
    async with Agent(command) as agent:
        tools = {tool.name: tool for tool in (await agent.list_tools()).tools}
        assert {"lean_prove", "lean_verify", "lean_goal", "lean_multi_attempt"} <= tools.keys()
        for tool in tools.values():
            assert tool.output_schema
            assert tool.annotations is not None
            assert tool.annotations.read_only_hint
            assert "anyOf" not in str(tool.input_schema)

        proved = await answer(agent, "lean_prove", statement="theorem t (a b : Nat) : a * b = b * a")
        assert proved["ok"]
        again = await answer(
            agent, "lean_check", statement="theorem t (a b : Nat) : a * b = b * a", proof=proved["items"][0]["proof"]
        )
        assert (again["ok"], again["verdict"]) == (True, "VERIFIED")
        wrong = await answer(agent, "lean_check", statement="theorem t : 1 = 2", proof="by decide")
        assert (wrong["success"], wrong["ok"], wrong["verdict"]) == (True, False, "REJECTED")

        path = str(file)
        assert (await answer(agent, "lean_verify", file_path=path, theorem_name="proved"))["ok"]
        assert "⊢ a + b = b + a" in (await answer(agent, "lean_goal", file_path=path, line=4))["goals"][0]
        tried = await answer(
            agent, "lean_multi_attempt", file_path=path, line=4, snippets=["exact Nat.add_comm a b", "exact rfl"]
        )
        assert [item["ok"] for item in tried["items"]] == [True, False]
        filled = await answer(agent, "lean_fill_sorries", file_path=path)
        assert [(item["line"], item["ok"]) for item in filled["items"]] == [(4, True)]
        ran = await answer(agent, "lean_run_code", code="theorem x : 1 = 2 := sorry")
        assert (ran["ok"], ran["verdict"]) == (False, "INCOMPLETE")
        assert file.read_text(encoding="utf-8") == FILE
        wrong_above = tmp_path / "Wrong.lean"
        wrong_above.write_text(WRONG, encoding="utf-8")
        await what_is_wrong_above_spoils_nothing_below(agent, str(wrong_above))
        await what_only_shows_something_is_run_and_does_not_count(agent)
        done = tmp_path / "Done.lean"
        done.write_text("import Std\n\ntheorem wrong : 1 = 2 := by\n  nothing\n  rfl\n", encoding="utf-8")
        await what_is_not_checked_is_not_called_accepted(agent, str(done))

        refuted = await answer(agent, "lean_disprove", statement="theorem t (n : Nat) : n < 5")
        assert refuted["ok"]
        assert refuted["counterexample"] == [{"name": "n", "value": "5"}]
        assert (await answer(agent, "lean_check", statement=refuted["negation"], proof=refuted["proof"]))["ok"]
        half = {"statement": "theorem t (p q : Prop) (h : p ∧ q) : q ∧ p", "proof": "by\n  constructor"}
        first = await answer(agent, "lean_hint", **half)
        assert (first["outcome"], first["level"], first["open_goals"]) == ("hint", "question", 2)
        more = await answer(agent, "lean_hint", earlier=[{"level": first["level"], "step": first["step"]}], **half)
        assert (more["level"], more["step"]) == ("direction", first["step"])
        for query, kind, name in (
            ("nat.mul_comm", "name", "Nat.mul_comm"),
            ("?a * ?b = ?b * ?a", "pattern", "Nat.mul_comm"),
            ("a b : Nat\n⊢ a * b = b * a", "goal", "Nat.mul_comm"),
        ):
            found = await answer(agent, "lean_local_search", query=query, seconds=60.0)
            assert (found["query_kind"], found["items"][0]["name"]) == (kind, name)
            assert "m = m * n" in found["items"][0]["type"]
        for tool, arguments in (
            ("lean_local_search", {"query": " "}),
            ("lean_local_search", {"query": "missing + _"}),
            ("lean_verify", {"file_path": "Example.lean", "theorem_name": "proved"}),
            ("lean_verify", {"file_path": path, "theorem_name": "missing"}),
            ("lean_goal", {"file_path": path, "line": 1}),
            ("lean_prove", {"statement": ""}),
            ("lean_hint", {"statement": "theorem t : True", "earlier": [{"level": "all", "step": ""}]}),
        ):
            refused = await answer(agent, tool, **arguments)
            assert (refused["success"], refused["error_code"]) == (False, "BAD_INPUT")
            assert refused["error"]
        for resource, names in (("verdicts", VerdictKind), ("trust", Trust)):
            text = str((await agent.read_resource(f"leansieve://{resource}")).contents)
            assert [name.name for name in names if f"`{name.name}`" not in text] == []


async def what_is_wrong_above_spoils_nothing_below(agent: Agent, path: str) -> None:
    unrun = ["#guard (line 10)"]
    fine = await answer(agent, "lean_verify", file_path=path, theorem_name="Foo.fine")
    assert (fine["verdict"], [one["line"] for one in fine["faults_above"]]) == ("VERIFIED", [4])
    uses = await answer(agent, "lean_verify", file_path=path, theorem_name="uses")
    assert (uses["verdict"], uses["messages"][0]["text"]) == (
        "INCOMPLETE",
        "it depends on Foo.wrong, which is not proved",
    )
    assert (uses["messages"][0]["region"], uses["messages"][0]["line"]) == ("file", 8)
    goal = await answer(agent, "lean_goal", file_path=path, line=15)
    assert (goal["goals"], [one["line"] for one in goal["faults_above"]]) == (["n : Nat\n⊢ n < n + 1"], [4, 12])
    assert (goal["not_run"], goal["note"]) == (unrun, "not run, and so not checked: #guard (line 10)")
    tried = await answer(agent, "lean_multi_attempt", file_path=path, line=15, snippets=["omega", "rfl"])
    assert [one["ok"] for one in tried["items"]] == [True, False]
    assert (len(tried["faults_above"]), tried["not_run"]) == (2, unrun)
    tactics = await answer(agent, "lean_suggest_tactics", file_path=path, line=15, most=1)
    assert (tactics["items"][0]["closes_goal"], len(tactics["faults_above"])) == (True, 2)
    assert tactics["not_run"] == unrun
    filled = await answer(agent, "lean_fill_sorries", file_path=path)
    assert (filled["ok"], len(filled["faults_above"]), filled["not_run"]) == (True, 2, unrun)
    assert filled["note"] == "not run, and so not checked: #guard (line 10)"


async def what_only_shows_something_is_run_and_does_not_count(agent: Agent) -> None:
    code = "import Std\n#eval 20 + 22\n#guard 1 = 2\ntheorem t : 1 = 1 := rfl\n"
    ran = await answer(agent, "lean_run_code", code=code)
    assert (ran["ok"], ran["not_run"]) == (True, [])
    shown = [(one["severity"], one["line"]) for one in ran["messages"]]
    assert shown == [("information", 2), ("warning", 3)]
    assert ran["messages"][0]["text"] == "42"
    code = "theorem wrong : 1 = 2 := rfl\n#eval 7\ntheorem p : 1 = 1 := by (\ntheorem last : 3 = 4 := rfl"
    ran = await answer(agent, "lean_run_code", code=code)  # the syntax error hides no other
    assert (ran["ok"], {one["line"] for one in ran["messages"]}) == (False, {1, 2, 3, 4})
    assert (ran["messages"][-1]["text"], ran["not_run"]) == ("7", [])
    ran = await answer(agent, "lean_run_code", code="theorem p : 1 = 1 := by (\n#eval 7\n/- x")
    first, *_, last_error, shown = [(one["line"], one["text"].partition(";")[0]) for one in ran["messages"]]
    assert (first, last_error, shown) == ((1, "unexpected token '#eval'"), (3, "unterminated comment"), (2, "7"))
    ran = await answer(agent, "lean_run_code", code="#eval 7\n#print axioms Nat.add_comm")
    assert [one["line"] for one in ran["messages"]] == [1, 2, 2]
    assert ran["messages"][1]["text"] == "'Nat.add_comm' depends on axioms: [Nat.add_comm]"
    assert "lists these theorems as axioms" in ran["messages"][2]["text"]
    for where in ("context", "proof"):
        texts = {"statement": "theorem t : 1 = 1", "proof": "rfl"} | {where: "\n  /- not closed\n\n"}
        (said,) = (await answer(agent, "lean_check", **texts))["messages"]
        assert (said["text"], said["region"].replace("candidate", "proof")) == ("unterminated comment", where)
        assert (said["line"], said["column"]) == (2, 3)
    ran = await answer(agent, "lean_run_code", code="#eval (7\ntheorem t : 1 = 1 := rfl\n")
    assert (ran["ok"], ran["verdict"]) == (False, "REJECTED")
    checked = await answer(agent, "lean_check", statement="theorem t : 1 = 1", context="#guard 1 = 2", proof="rfl")
    (told,) = checked["messages"]
    assert (checked["ok"], told["severity"], told["region"]) == (True, "information", "context")
    assert "`#guard`" in told["text"]


async def what_is_not_checked_is_not_called_accepted(agent: Agent, path: str) -> None:
    filled = await answer(agent, "lean_fill_sorries", file_path=path)
    assert (filled["ok"], filled["error_code"]) == (False, "BAD_INPUT")
    assert filled["error"].startswith("the file has no `sorry` to fill")
    goal = await answer(agent, "lean_goal", file_path=path, line=5, column=6)
    assert goal["error"].startswith("the proof up to there was not taken at 4:")


@contextlib.asynccontextmanager
async def listening(client: Any, settings: Settings) -> AsyncIterator[str]:
    """The URL of an MCP server over HTTP."""
    url = asyncio.get_running_loop().create_future()

    async def service() -> Any:
        return client

    serving = asyncio.create_task(serve_http(service, settings, "127.0.0.1:0", url.set_result))
    await asyncio.wait([url, serving], return_when=asyncio.FIRST_COMPLETED)
    try:
        yield await url
    finally:
        serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await serving


@contextlib.asynccontextmanager
async def agent_with(url: str, token: str) -> AsyncIterator[Agent]:
    async with (
        httpx2.AsyncClient(headers={"authorization": f"Bearer {token}"}) as http,
        Agent(streamable_http_client(url, http_client=http)) as agent,
    ):
        yield agent


HOLES = """theorem whole (a b : Nat) : a + b = b + a := by
  sorry

theorem term (n : Nat) : n ≤ n + 1 := sorry

theorem inside (p q : Prop) (hp : p) (hq : q) : p ∧ q := by
  constructor
  · exact hp
  · sorry

theorem both (n : Nat) : n < n + 1 ∧ n < n + 2 := by exact ⟨sorry, by sorry⟩
"""


def put_in(text: str, items: list[dict[str, Any]]) -> str:
    """The text with each replacement in the place that its item names, as an agent edits it: by lines and columns."""
    for item in reversed(items):
        lines = text.splitlines(keepends=True)
        start = sum(map(len, lines[: item["start_line"] - 1])) + item["start_column"] - 1
        end = sum(map(len, lines[: item["end_line"] - 1])) + item["end_column"] - 1
        assert text[start:end] == item["replaces"]
        text = text[:start] + item["replacement"] + text[end:]
    return text


@pytest.mark.lean
async def test_replacements_put_in_the_place_that_is_named_make_a_file_that_lean_accepts(
    lean_client: Client, tmp_path: Path
) -> None:
    file = tmp_path / "Holes.lean"
    file.write_text(HOLES, encoding="utf-8")
    async with listening(lean_client, Settings()) as url, Agent(url) as agent:
        filled = await answer(agent, "lean_fill_sorries", file_path=str(file))
        items = filled["items"]
        assert [(item["line"], item["ok"]) for item in items] == [
            (2, True),
            (4, True),
            (9, True),
            (11, True),
            (11, True),
        ]
        assert [item["replaces"] for item in items[:4]] == ["by\n  sorry", "sorry", "sorry", "sorry"]
        assert (items[0]["start_line"], items[0]["start_column"]) == (1, 46)
        assert (items[0]["end_line"], items[0]["end_column"]) == (2, 8)
        ran = await answer(agent, "lean_run_code", code=put_in(HOLES, items))
        assert (ran["ok"], ran["messages"]) == (True, [])
        of_line = await answer(agent, "lean_fill_sorries", file_path=str(file), line=11)
        assert [item["replaces"] for item in of_line["items"]] == [item["replaces"] for item in items[3:]]


@pytest.mark.lean
async def test_positions_in_errors_count_from_one_and_are_in_the_text_that_was_given(lean_client: Client) -> None:
    async with listening(lean_client, Settings()) as url, Agent(url) as agent:
        wrong = await answer(agent, "lean_prove", statement="theorem t :\n  missing = 1")
        assert "at statement 2:3: " in wrong["error"]
        for tool in ("lean_prove", "lean_disprove", "lean_hint"):
            proved = await answer(agent, tool, statement="theorem x : 1 = 1 := rfl")
            assert proved["error"] == "the statement has a proof already: lean_check checks it"
            assert proved["hint"] == "change statement"
        goal = await answer(agent, "lean_local_search", kind="goal", query="n : Nat ⊢ n = n")
        assert (goal["error_code"], goal["hint"]) == ("BAD_INPUT", "change query")


@pytest.mark.lean
async def test_http_knows_callers_by_the_services_tokens(lean_client: Client, tmp_path: Path) -> None:
    file = tmp_path / "tokens.toml"
    checker = tokens.new(file, "checker", [Role.CHECK], quota=Quota(calls_per_minute=2))
    settings = Settings(security=SecuritySettings(tokens=file))
    async with listening(lean_client, settings) as url:
        for wrong in ({}, {"authorization": "Bearer lsv_unknown"}):
            async with httpx2.AsyncClient(headers=wrong) as http:
                assert (await http.post(url, json={})).status_code == 401
        async with agent_with(url, checker) as agent:
            good = await answer(agent, "lean_check", statement="theorem t : 1 + 1 = 2", proof="rfl")
            assert good["ok"]
            refused = await answer(agent, "lean_prove", statement="theorem t : 1 + 1 = 2")
            assert (refused["success"], refused["error_code"]) == (False, "NOT_ALLOWED")
            await answer(agent, "lean_check", statement="theorem t : 1 + 1 = 2", proof="rfl")
            spent = await answer(agent, "lean_check", statement="theorem t : 1 + 1 = 2", proof="rfl")
            assert (spent["success"], spent["error_code"]) == (False, "QUOTA")


class Endless:
    """A service whose searches never end by themselves."""

    def __init__(self) -> None:
        self.begun, self.closed = asyncio.Event(), asyncio.Event()

    async def prove(self, search: Search) -> AsyncGenerator[Event, None]:
        try:
            yield Accepted("⊢ True")
            self.begun.set()
            await asyncio.Event().wait()
        finally:
            self.closed.set()


async def test_a_cancelled_call_ends_its_search() -> None:
    endless = Endless()
    async with listening(endless, Settings()) as url, Agent(url) as agent:
        call = asyncio.create_task(agent.call_tool("lean_prove", {"statement": "theorem t : True"}))
        await endless.begun.wait()
        call.cancel()
        await asyncio.wait_for(endless.closed.wait(), 20)


class Unproductive:
    """A service that finds nothing, for lack of time or of ideas."""

    def __init__(self, late: bool) -> None:
        self._late = late

    async def prove(self, search: Search) -> AsyncGenerator[Event, None]:
        yield Accepted("⊢ False")
        yield Finished(Ending.SECONDS_SPENT if self._late else Ending.SAMPLERS_EXHAUSTED, Progress(), {})

    async def suggest(self, request: Suggest) -> Suggestions:
        return Suggestions(("⊢ False",), (), 40, timed_out=self._late)


@pytest.mark.parametrize(
    ("late", "error"),
    [(True, "no proof was found in the time given"), (False, "no proof was found: all was tried")],
)
@pytest.mark.parametrize("proof", ["sorry", "skip; sorry"], ids=["whole", "inner"])
async def test_an_unfilled_sorry_says_whether_the_time_was_over(
    tmp_path: Path, proof: str, late: bool, error: str
) -> None:
    file = tmp_path / "Hard.lean"
    file.write_text(f"theorem hard : False := by {proof}\n", encoding="utf-8")
    async with listening(Unproductive(late), Settings()) as url, Agent(url) as agent:
        filled = await answer(agent, "lean_fill_sorries", file_path=str(file))
    assert (filled["ok"], filled["timed_out"]) == (False, late)
    assert [item["error"] for item in filled["items"]] == [error]


class Counting:
    """A service that verifies `rfl`, and tells how many checks were under way at once."""

    def __init__(self) -> None:
        self.now = self.most = 0

    async def check(self, request: Check) -> Verdict:
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0.01)
        self.now -= 1
        good = request.candidate.text == "rfl"
        return Verdict(*((VerdictKind.VERIFIED, Trust.KERNEL_REPLAYED) if good else (VerdictKind.REJECTED, Trust.NONE)))


async def test_a_batch_is_checked_some_at_a_time_and_answered_in_its_order() -> None:
    counting = Counting()
    items = [{"statement": "theorem t : 1 = 1", "proof": "rfl" if number % 2 else "simp"} for number in range(40)]
    async with listening(counting, Settings()) as url, Agent(url) as agent:
        found = await answer(agent, "lean_check_batch", items=[*items, {"statement": "", "proof": "rfl"}])
        unlike = [items[1], {"statement": "theorem t : True"}, 5, items[1] | {"prof": 1}, items[1] | {"proof": 1}]
        mixed = await answer(agent, "lean_check_batch", items=unlike)
    assert [item["ok"] for item in mixed["items"]] == [True, False, False, False, False]
    assert [item["error"] for item in mixed["items"][1:]] == [
        "items.1.proof is missing in the arguments of lean_check_batch",
        "items.2 of lean_check_batch must be a valid object, not 5",
        "lean_check_batch does not know items.3.prof in its arguments",
        "items.4.proof of lean_check_batch must be a valid string, not 1",
    ]
    assert [item["ok"] for item in found["items"]] == [bool(number % 2) for number in range(40)] + [False]
    assert (found["items"][-1]["success"], found["items"][-1]["error_code"]) == (False, "BAD_INPUT")
    assert 1 < counting.most <= 8
