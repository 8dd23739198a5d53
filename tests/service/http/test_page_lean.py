"""The web page in a real browser, with a real server and real Lean."""

import asyncio
import functools
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select

from prover.lean.runtimes.embedded.cache.package import Package
from prover.lean.workers.pool import WorkerPool
from prover.lean.workers.stats import State
from prover.requests import ServedModel, ServiceInfo
from prover.sampling.sampler import ReplicaStatus
from service.auth import tokens
from service.auth.identity import Role
from service.core.engine import Engine
from service.ops.config import HttpSettings, SecuritySettings, ServerSettings, Settings
from service.server import listening
from tests.support.programs.browser import Page
from tests.support.programs.npm import file_of

from .test_bridge_lean import LONG, until_idle

pytestmark = [pytest.mark.lean, pytest.mark.timeout(600)]

AXE = Package(
    "axe-core",
    "4.14.1",
    "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==",
)
IMAGE = "<img src=x onerror=document.title='pwned'>"


def in_thread(test: Callable[..., None]) -> Callable[..., Awaitable[None]]:
    """Run a test beside the event loop, in which the server lives."""

    @functools.wraps(test)
    async def run(**fixtures: Any) -> None:
        await asyncio.to_thread(test, **fixtures)

    return run


@pytest.fixture
def page(browser: webdriver.Chrome) -> Iterator[Callable[[str], Page]]:
    """Opens the page of a server; whatever a test does with it, no policy is violated and no other host is asked."""
    opened: list[tuple[str, Page]] = []

    def open_page(url: str) -> Page:
        opened.append((url, Page(browser, url)))
        return opened[-1][1]

    yield open_page
    ((url, last),) = opened
    asked = [str(request["url"]) for request in last.requests()]
    assert [other for other in asked if not other.startswith(f"{url}/")] == []
    assert last.complaints() == []


@in_thread
def test_abbreviations_become_unicode(bridge: str, page: Callable[[str], Page]) -> None:
    it = page(bridge)
    it.type("statement", r"theorem t (\alpha : Prop) : \alpha \to \a")
    assert it.value("statement") == "theorem t (α : Prop) : α → \\a", "more may follow"
    it.get("statement").send_keys(Keys.TAB)
    assert it.value("statement") == "theorem t (α : Prop) : α → α"
    it.type("statement", r"\<>")
    it.get("statement").send_keys("x")
    assert it.value("statement") == "⟨x⟩"
    it.get("statement").send_keys(Keys.HOME, r"\forall x, y\_1 \ne \\ ")
    assert it.value("statement").rstrip() == "∀ x, y₁ ≠ \\ ⟨x⟩"
    assert it.get("statement").get_property("selectionStart") == len("∀ x, y₁ ≠ \\ ")
    for typed, seen in (
        (r"\N\to\N ", "ℕ→ℕ "),
        (r"\forall x\in\N,\lnot\exists y\ne x ", "∀ x∈ℕ,¬∃ y≠ x "),
        (r"\a\b\g ", "αβγ "),
    ):
        it.type("statement", typed)
        assert it.value("statement") == seen


@in_thread
def test_a_goal_that_the_embedded_lean_cannot_evaluate_is_told(bridge: str, page: Callable[[str], Page]) -> None:
    it = page(bridge)
    it.type("statement", "theorem t : [2, 1].mergeSort = [1, 2]")
    it.type("seconds", "2")
    it.press("find")
    it.until_done()
    assert "does not hold the body of List.mergeSort, so “decide” and “rfl” stop there" in it.text("found")


@in_thread
def test_what_is_odd_about_a_statement_is_told(bridge: str, page: Callable[[str], Page]) -> None:
    it = page(bridge)
    it.type("statement", "theorem t (n m : Nat) : n + 0 = n")
    it.press("find")
    it.until_done()
    assert "Note on the statement: the goal mentions neither `m` nor anything connected with it." in it.text("found")


@in_thread
def test_a_theorem_is_proved_and_what_is_copied_is_verified_again(bridge: str, page: Callable[[str], Page]) -> None:
    it = page(bridge)
    assert it.text("health").startswith("ready · Lean 4.")
    it.type("statement", "theorem swap (a b : Nat) : a + b = b + a := by sorry")
    it.type("proofs", "2")
    it.get("proofs").send_keys(Keys.CONTROL, Keys.ENTER)
    it.until_done()
    it.until(lambda: it.text("said") == "2 verified proofs: as many as were wanted.")
    cards = it.all(".proof")
    assert len(cards) == 2
    assert "a b : Nat\n⊢ a + b = b + a" in it.text("found")
    assert "Diversity of the 2 proofs" in it.text("found")
    (request,) = [one for one in it.requests() if str(one["url"]).endswith("/v1/prove")]
    sent = json.loads(str(request["postData"]))
    assert sent["options"]["budget"]["proofs"] == 2
    assert "sampling" not in sent["options"], "without models there is nothing to choose"
    assert not it.get("focus").is_enabled()

    proof = cards[0].find_element(By.TAG_NAME, "pre").text
    copy, copy_all = cards[0].find_elements(By.CLASS_NAME, "copy")
    copy_all.click()
    it.until(lambda: copy_all.text == "Copied")
    it.unfold("proof")
    it.get("proof").send_keys(Keys.CONTROL, "v")
    it.until(lambda: it.value("proof") == f"theorem swap (a b : Nat) : a + b = b + a := {proof}\n")
    copy.click()
    it.until(lambda: copy.text == "Copied")
    it.get("proof").clear()
    it.get("proof").send_keys(Keys.CONTROL, "v")
    it.until(lambda: it.value("proof") == proof)
    it.press("check")
    it.until(lambda: it.text("check-said") == "Your proof is verified.")
    assert "✓ verified" in it.text("checked")
    assert len(it.all("#found .proof")) == 2, "what was found stays"


@in_thread
@pytest.mark.parametrize("size", [(1280, 700), (400, 700)])
def test_the_verdict_on_a_proof_is_in_view_under_the_button_that_asked_for_it(
    bridge: str, page: Callable[[str], Page], size: tuple[int, int]
) -> None:
    it = page(bridge)
    metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": False}
    it.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        it.unfold("proof")
        for statement, proof, said in (
            ("theorem one : 1 + 1 = 2", "rfl", "Your proof is verified."),
            ("theorem one : 1 + 1 = 2", "by omega_", "Your proof is not verified: rejected."),
            ("theorem one : 1 + 1 = nothing", "rfl", "Your proof is not verified: invalid statement."),
        ):
            it.type("statement", statement)
            it.type("proof", proof)
            it.press("check")
            it.until_done()
            it.until(lambda said=said: it.text("check-said") == said)
            assert it.get("check-said").get_attribute("role") == "status", "a screen reader says it"
            top, bottom = it.driver.execute_script(
                "return [document.getElementById('check'), document.querySelector('#checked .badge')]"
                ".map((each) => each.getBoundingClientRect()[each.id ? 'top' : 'bottom'])"
            )
            assert 0 <= top < bottom <= size[1], "button and verdict are on the screen together"
            assert it.text("said") == "No search yet."
    finally:
        it.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@in_thread
def test_what_others_wrote_is_shown_as_text_and_runs_nothing(bridge: str, page: Callable[[str], Page]) -> None:
    it = page(bridge)
    title = it.driver.title
    it.unfold("proof")
    it.driver.execute_script(
        "document.getElementById('proof').value = arguments[0]", f'by exact ("{IMAGE}\u202e" : Nat)'
    )
    it.press("check")
    it.until(lambda: "not verified: rejected" in it.text("check-said"))
    shown = [element.text for element in it.all("#checked pre")]
    assert shown[0] == f'by exact ("{IMAGE}\\u{{202e}}" : Nat)'
    assert any("<img src=x" in text for text in shown[1:]), "Lean's message repeats it"
    it.type("statement", f'theorem x (s : String) (h : s = "{IMAGE}") : s = "{IMAGE}"')
    it.press("find")
    it.until(lambda: "verified proof" in it.text("said"))
    assert f'⊢ s = "{IMAGE}"' in it.text("found"), "the goal as Lean prints it"
    assert it.all("main img") == []
    assert it.driver.title == title


@in_thread
def test_errors_show_marks_that_turn_a_line_around(bridge: str, page: Callable[[str], Page]) -> None:
    it = page(bridge)
    shown = it.driver.execute_async_script(
        "const [text, done] = arguments; import('/static/calls.js').then(({Problem}) => done(new Problem(text).message))",
        "there is no `a\u202eb`",
    )
    assert shown == "there is no `a\\u{202e}b`"


@in_thread
def test_that_lean_starts_is_told_before_it_has_read_the_theorem(bridge: str, page: Callable[[str], Page]) -> None:
    it = page(bridge)
    shown = it.driver.execute_async_script(
        """const done = arguments[0];
        import('/static/results.js').then(({SearchResults}) => {
          const results = new SearchResults({}, {samples: 1, seconds: 1, proofs: 1});
          results.take("starting", {activity: "Lean starts\u202e with these imports", elapsedDuration: "1s"});
          const said = results.counts.textContent;
          results.take("accepted", {goal: "⊢ True"});
          results.stop();
          done(said);
        })"""
    )
    assert shown.startswith("Lean starts\\u{202e} with these imports … ")


@in_thread
def test_the_browser_refuses_scripts_that_are_not_the_servers(bridge: str, page: Callable[[str], Page]) -> None:
    it = page(bridge)
    for attack, refusal in (
        ("document.body.innerHTML = '<b>x</b>'", "TrustedHTML"),
        ("const made = document.createElement('script'); made.text = 'document.title = 1'", "TrustedScript"),
        ("document.body.setAttribute('onclick', 'document.title = 1')", "TrustedScript"),
        ("const made = document.createElement('script'); made.src = 'https://evil.example/x.js'", "TrustedScriptURL"),
        ("fetch('https://evil.example/')", "connect-src"),
    ):
        it.driver.execute_script(f"try {{ {attack} }} catch {{}}")
        complaints: list[str] = []
        it.until(lambda found=complaints: found.extend(it.complaints()) or found)
        assert refusal in complaints[0]
    assert it.driver.title != "1"
    assert it.all("h1")


@in_thread
def test_leans_word_on_a_bad_theorem_is_shown_where_it_belongs(bridge: str, page: Callable[[str], Page]) -> None:
    it = page(bridge)
    it.type("statement", "theorem bad (a : Nat) :")
    it.get("statement").send_keys(Keys.ENTER, "a = missing")
    it.press("find")
    it.until_done()
    (problem,) = it.all(".problem")
    assert problem.text.startswith("The statement does not elaborate:\nstatement 2:4\n")
    assert "missing" in problem.text
    assert it.get("statement").get_attribute("aria-invalid") == "true"
    assert it.get("statement").get_property("selectionStart") == len("theorem bad (a : Nat) :\na = ")
    it.type("statement", "theorem good : True")
    it.unfold("header")
    it.type("header", "import Nowhere.At.All")
    it.press("find")
    it.until_done()
    assert it.get("statement").get_attribute("aria-invalid") is None
    assert it.get("header").get_attribute("aria-invalid") == "true"
    assert "Nowhere" in it.text("found")
    it.type("header", "")
    it.type("seconds", "100000")
    it.press("find")
    assert it.driver.execute_script("return document.getElementById('seconds').validity.rangeOverflow")


async def test_cancel_ends_the_search_on_the_server(
    bridge: str, page: Callable[[str], Page], web: httpx.AsyncClient, lean_pool: WorkerPool
) -> None:
    """All workers have something to do, so that the search cannot end by itself; test_bridge_lean leaves running ones."""
    it = await asyncio.to_thread(page, bridge)
    await until_idle(lean_pool)
    checks = [asyncio.create_task(web.post("/v1/check-proof", json=LONG)) for _ in range(2)]
    try:
        await until(lambda: lean_pool.stats().in_state(State.BUSY) == 2)
        await asyncio.to_thread(it.press, "find")
        await until(lambda: lean_pool.stats().queued == 1)
        await asyncio.to_thread(it.press, "cancel")
        await until(lambda: lean_pool.stats().queued == 0)
        assert lean_pool.stats().in_state(State.BUSY) == 2
    finally:
        for check in checks:
            check.cancel()
        await until_idle(lean_pool)
    await asyncio.to_thread(it.until, lambda: it.text("said").startswith("Cancelled"))
    assert await asyncio.to_thread(lambda: it.driver.switch_to.active_element == it.get("find"))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110, the pool tells nobody
            await asyncio.sleep(0.05)


@in_thread
def test_a_server_that_is_gone_is_said_in_a_sentence(bridge: str, page: Callable[[str], Page]) -> None:
    it = page(bridge)
    conditions = {"latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
    it.driver.execute_cdp_cmd("Network.enable", {})
    it.driver.execute_cdp_cmd("Network.emulateNetworkConditions", {"offline": True, **conditions})
    try:
        it.press("find")
        it.until_done()
        assert "cannot be reached" in it.text("found")
        it.until(lambda: it.text("health") == "cannot be reached")
    finally:
        it.driver.execute_cdp_cmd("Network.emulateNetworkConditions", {"offline": False, **conditions})


class WithModels(Engine):
    """Never started, and says that it has models: real ones take vLLM a minute to load."""

    async def info(self) -> ServiceInfo:
        replicas = (ReplicaStatus("one", True, 3), ReplicaStatus("", False, 0, "no <room>"))
        models = (ServedModel("base", replicas=replicas), ServedModel("<b>bold</b>", 0.25))
        return replace(await super().info(), models=models)


@pytest_asyncio.fixture(loop_scope="session")
async def guarded(tmp_path: Path) -> AsyncIterator[tuple[str, str]]:
    """A server that wants a token, and one."""
    file = tmp_path / "tokens.toml"
    token = tokens.new(file, "visitor", [Role.PROVE])
    settings = Settings(
        server=ServerSettings(listen="127.0.0.1:0", drain_seconds=1),
        http=HttpSettings(listen="127.0.0.1:0"),
        security=SecuritySettings(tokens=file),
    )
    urls: list[str] = []
    async with listening(WithModels(settings), settings, asyncio.Event(), announce_http=urls.append):
        yield urls[0], token


@in_thread
def test_token_and_slider_are_sent_to_a_server_that_says_it_has_models(
    guarded: tuple[str, str], page: Callable[[str], Page]
) -> None:
    url, token = guarded
    it = page(url)
    it.until(lambda: it.get("token").is_displayed())
    it.type("token", "wrong" + Keys.TAB)
    it.press("find")
    it.until(lambda: "requires a valid token" in it.text("found"))
    assert not it.get("focus").is_enabled()
    it.type("token", token + Keys.TAB)
    it.until(lambda: it.get("focus").is_enabled())
    assert it.text("focus-help") == "Chooses among 2 models: base, α = 0.25."
    it.press("server")
    assert "<b>bold</b>" in it.text("about")
    assert "1 of 2; no <room>" in it.text("about")
    it.press("server")
    it.get("focus").send_keys(Keys.END, Keys.ARROW_LEFT)
    assert it.text("focus-shown") == "0.95"
    it.requests()
    it.press("find")
    it.until_done()
    (request,) = [one for one in it.requests() if str(one["url"]).endswith("/v1/prove")]
    assert json.loads(str(request["postData"]))["options"]["sampling"] == {"focus": 0.95}
    headers: Any = request["headers"]
    assert headers["Authorization"] == f"Bearer {token}"
    assert it.text("found") == "The server is busy: Lean and the samplers are still starting. Try again in 2 s."
    assert it.driver.execute_script("return localStorage.length + sessionStorage.length + document.cookie.length") == 0


@in_thread
def test_the_page_is_accessible_in_light_and_dark_and_on_a_phone(bridge: str, page: Callable[[str], Page]) -> None:
    it = page(bridge)
    axe = file_of(AXE, "axe.min.js").read_text(encoding="utf-8")
    it.driver.execute_script("for (const each of document.querySelectorAll('details')) each.open = true")
    it.type("proof", "by rfl")
    it.press("check")
    it.until(lambda: "rejected" in it.text("check-said"))
    it.driver.execute_script(axe)
    for scheme, width, tab in (("light", 1280, "results"), ("dark", 360, "learn"), ("light", 360, "teach")):
        it.press(f"tab-{tab}")
        features = [
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]
        it.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        it.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False},
        )
        try:
            found = it.driver.execute_async_script("axe.run().then(arguments[0])")
            assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found["violations"]] == []
            assert it.driver.execute_script("return document.documentElement.scrollWidth") <= width
        finally:
            it.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
            it.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@in_thread
def test_a_learner_sees_goals_behind_each_step_and_gets_one_hint_more_each_time(
    bridge: str, page: Callable[[str], Page]
) -> None:
    it = page(bridge)
    it.type("statement", "theorem swapped (p q : Prop) (h : p ∧ q) : q ∧ p")
    it.press("tab-learn")
    it.until(lambda: "⊢ q ∧ p" in it.text("learn-steps"))
    it.get("lines").send_keys("constructor", Keys.ENTER, r"\. exact h.1")
    it.until(lambda: "the proof cannot continue with exact h.1" in it.text("learn-steps"))
    assert it.value("lines") == "by\n  constructor\n  · exact h.1", "a line begins below the one before"
    assert "Type mismatch" in it.text("learn-steps")
    assert "line 2" in it.text("learn-steps")
    assert "Now 2 goals open" in it.text("learn-steps")
    for number, level in enumerate(("question", "direction", "name", "next step", "full step"), start=1):
        it.press("hint")
        it.until(lambda number=number: len(it.all("#hints > li")) == number)
        assert it.text("learn-said") == f"Hint: {level}."
    first, *_, last = reversed(it.all("#hints > li"))
    it.until(lambda: "exact h.2" in last.text)  # it comes into view bit by bit
    assert "the kernel accepted a complete proof that begins with yours" in last.text
    assert "h.2" not in first.text

    it.get("lines").send_keys(Keys.BACKSPACE, "2", Keys.ENTER, r"\. exact h.1")
    it.until(lambda: it.text("learn-said") == "Your proof is complete: Lean's kernel has accepted it.")
    it.get("lines").send_keys(Keys.ENTER, IMAGE)
    it.until(lambda: IMAGE in it.text("learn-steps"))
    assert it.driver.title == "leansieve: proofs for Lean 4"
    it.press("forget")
    assert it.all("#hints > li") == []


@in_thread
def test_a_learner_works_in_a_classroom_and_the_teacher_sees_how_far(bridge: str, page: Callable[[str], Page]) -> None:
    it = page(bridge)
    # 1. The teacher opens two theorems, one with a proof.
    it.press("tab-teach")
    it.type("class-label", IMAGE)
    proof = "by\n  constructor\n  · exact h.right\n  · exact h.left"
    theorems = f"theorem swapped (p q : Prop) (h : p ∧ q) : q ∧ p := {proof}\ntheorem zero (n : Nat) : 0 + n = m"
    it.driver.execute_script("arguments[0].value = arguments[1]", it.get("class-theorems"), theorems)
    it.press("open-class")
    it.until(lambda: "theorem 'zero': the statement does not elaborate at statement 1:" in it.text("teach-said"))
    it.driver.execute_script("arguments[0].value = arguments[1]", it.get("class-theorems"), theorems[:-1] + "n")
    it.press("open-class")
    it.until(lambda: it.text("teach-said") == "No learner has joined yet.")
    code, classroom = it.text("join-code-shown"), it.text("class-id-shown")
    assert it.text("taught-title") == IMAGE
    it.driver.refresh()  # the tab keeps the classroom
    it.press("tab-teach")
    it.until(lambda: it.text("teach-said") == "No learner has joined yet.")
    assert (it.text("taught-title"), it.text("class-id-shown")) == (IMAGE, classroom)

    # 2. A learner joins, writes line by line, sees goals, and asks for hints to the end.
    it.press("tab-learn")
    it.driver.execute_script("arguments[0].open = true", it.get("classroom"))
    it.press("join")
    it.until(lambda: it.text("classroom-said") == "Enter the code that your teacher gave you, or your key.")
    it.type("join-code", "0000-0000")
    it.press("join")
    it.until(lambda: it.text("classroom-said") == "Enter your name, as your teacher knows it.")
    it.type("join-name", f"Ann {IMAGE}")
    it.press("join")
    it.until(lambda: it.text("classroom-said") == "no classroom has this code: ask your teacher for it again")
    it.type("join-code", code.lower())
    it.press("join")
    it.until(lambda: f"You are Ann {IMAGE} in “{IMAGE}”." in it.text("joined-as"))
    assert it.text("classroom-statement") == "theorem swapped (p q : Prop) (h : p ∧ q) : q ∧ p"
    it.until(lambda: "⊢ q ∧ p" in it.text("learn-steps"))
    it.get("lines").send_keys("constructor", Keys.ENTER, r"\. exact h.1")
    it.until(lambda: "the proof cannot continue with exact h.1" in it.text("learn-steps"))
    for number in range(1, 6):
        it.press("hint")
        it.until(lambda number=number: len(it.all("#hints > li")) == number)
    it.until(lambda: "exact h.right" in it.text("hints"))
    assert not it.get("forget").is_displayed(), "what was hinted counts"

    # 3. The teacher sees where the learner is stuck, with what hints, and what was written.
    it.press("tab-teach")
    it.until(lambda: "Lean stops at a step, 5 hints (full step)" in it.text("learners"))
    (name,) = it.all("#learners button")
    assert name.text == f"Ann {IMAGE}"
    name.click()
    it.until(lambda: "· exact h.1" in it.text("one-learner"))
    assert "line 3: Type mismatch" in it.text("one-learner")

    # 4. The learner finishes, goes to the next theorem and comes back; the teacher sees it, and removes all.
    it.press("tab-learn")
    it.get("lines").send_keys(Keys.BACKSPACE, "2", Keys.ENTER, r"\. exact h.1")
    it.until(lambda: it.text("learn-said") == "Your proof is complete: Lean's kernel has accepted it.")
    choose = Select(it.get("classroom-theorem"))
    choose.select_by_value("zero")
    it.until(lambda: "⊢ 0 + n = n" in it.text("learn-steps"))
    assert it.value("lines") == "by\n  "
    assert it.all("#hints > li") == []
    choose.select_by_value("swapped")
    it.until(lambda: it.value("lines").endswith("exact h.1"))
    it.press("tab-teach")
    it.until(lambda: "finished, 5 hints (full step)" in it.text("learners"))
    it.until(lambda: "1 goal open" in it.text("learners"))
    it.press("other-class")
    it.type("class-id", classroom)
    it.press("find-class")
    it.until(lambda: "finished" in it.text("learners"))
    for _ in range(2):
        it.all("#taught .stop")[-1].click()
    it.until(lambda: it.text("teach-said") == "The classroom is deleted, with all work of its learners.")
    assert it.driver.execute_script("return sessionStorage.length") == 0
    it.press("tab-learn")
    it.press("leave")
    it.until(lambda: it.text("classroom-said").startswith("no learner has this key"))
    assert it.driver.title == "leansieve: proofs for Lean 4"


@in_thread
def test_the_keyboard_reaches_everything_in_the_order_of_the_page(bridge: str, page: Callable[[str], Page]) -> None:
    it = page(bridge)
    reached = []
    for _ in range(12):
        it.driver.switch_to.active_element.send_keys(Keys.TAB)
        now = it.driver.switch_to.active_element
        reached.append(now.get_attribute("id") or now.text)
    assert reached[0] == "Skip to the results"
    order = [name for name in reached if name in ("statement", "Header and context", "proofs", "seconds", "samples")]
    assert order == ["statement", "Header and context", "proofs", "seconds", "samples"]
