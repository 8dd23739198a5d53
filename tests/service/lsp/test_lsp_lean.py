"""Code actions of a real `leansieve lsp` process, asked for by a real LSP client, with real Lean behind them."""

import asyncio
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException, JsonRpcMethodNotFound
from pygls.lsp.client import LanguageClient

from prover.candidate import Candidate
from prover.requests import Check
from prover.source import lean_file
from service.client.client import Client
from tests.service.lsp.conftest import URI, Editor, editing
from tests.support.commands import program

pytestmark = pytest.mark.lean

SMALL = ("--samples", "8", "--seconds", "12")
FILE = """\
/-! Columns are not characters here: 𝔽 -/
namespace Outer
  theorem first (a b : Nat) /- 𝔽𝔽 -/ : a + b = b + a := sorry

  theorem second (a b c : Nat) (h : a = b) : a + c = b + c ∧ c = c := by
    constructor
    · sorry
    · exact sorry
end Outer

theorem third (n : Nat) : n = n + 1 := by
  sorry

theorem fourth (p q : Prop) (hp : p) (hq : q) : p ∧ q := by
  constructor

theorem fifth (p q : Prop) (hp : p) (hq : q) : q ∧ p := by
"""


async def done(editor: Editor) -> str:
    """How the search ended, said by its progress."""
    return await asyncio.wait_for(editor.ended.get(), 200)


async def verified(client: Client, text: str, name: str) -> bool:
    file = lean_file.parse(text)
    (item,) = [one for one in file.theorems if one.name == name]
    return (await client.check(Check(file.theorem(item), Candidate(file.proof(item))))).verified


async def test_sorries_are_replaced_by_verified_proofs(served: str, lean_client: Client) -> None:
    async with editing("--server", served, *SMALL) as editor:
        editor.open(FILE)
        offered = await editor.actions("sorry", 2)
        assert list(offered) == [
            "leansieve: prove",
            "leansieve: suggest tactics",
            "leansieve: hint",
            "leansieve: disprove",
        ]
        await editor.execute(offered["leansieve: prove"])
        assert await done(editor) == "proved"
        assert (await editor.edits.get()).changes is None
        assert await verified(lean_client, editor.text, "first")
        assert editor.progress[0]["kind"] == "begin"
        assert editor.progress[0]["cancellable"]

        await editor.execute((await editor.actions("· sorry", 2))["leansieve: prove"])
        assert await done(editor) == "proved"
        await editor.execute((await editor.actions("exact sorry", 8))["leansieve: prove"])
        assert await done(editor) == "proved"
        assert await verified(lean_client, editor.text, "second")
        assert editor.text.count("sorry") == 1
        assert "/- 𝔽𝔽 -/ : a + b = b + a := " in editor.text
        assert editor.said.empty()


async def test_a_learner_gets_one_level_more_on_each_call_and_dismisses_it(served: str) -> None:
    async with editing("--server", served, "--seconds", "60") as editor:
        editor.open("theorem t (p q : Prop) (h : p ∧ q) : q ∧ p := by\n  constructor\n  · sorry\n  · exact h.1\n")

        async def hint() -> list[str]:
            await editor.execute((await editor.actions("sorry", 2))["leansieve: hint"])
            return [one.message for one in (await asyncio.wait_for(editor.shown.get(), 200)).diagnostics]

        levels = [await hint() for _ in range(5)]
        assert all(len(one) == 1 for one in levels)
        assert [await done(editor) for _ in levels] == ["question", "direction", "name", "next step", "full step"]
        assert len({one for (one,) in levels}) == 5
        assert "\n    exact h.2\n" in levels[-1][0]
        assert not any("h.2" in one for (one,) in levels[:-1])

        await editor.execute((await editor.actions("sorry"))["leansieve: dismiss hints"])
        assert not (await asyncio.wait_for(editor.shown.get(), 60)).diagnostics
        assert "leansieve: dismiss hints" not in await editor.actions("sorry")
        assert await hint() == levels[0], "dismissed, everything begins anew"

        editor.change(editor.text.replace("exact h.1", "exact h.2").replace("sorry", "exact h.2"))
        assert not (await asyncio.wait_for(editor.shown.get(), 60)).diagnostics
        await editor.execute((await editor.actions("h.2\n", 3))["leansieve: hint"])
        refused, _ = (await asyncio.wait_for(editor.shown.get(), 200)).diagnostics
        assert refused.message.startswith("The proof cannot continue with `exact h.2`: Type mismatch")

        editor.change(editor.text.replace("exact h.2\n  · exact h.2", "exact h.2\n  · exact h.1"))
        assert not (await asyncio.wait_for(editor.shown.get(), 60)).diagnostics
        await editor.execute((await editor.actions("h.1\n", 3))["leansieve: hint"])
        (complete,) = (await asyncio.wait_for(editor.shown.get(), 200)).diagnostics
        assert complete.message == "Your proof is complete: Lean's kernel has accepted it."


async def test_what_is_false_is_one_sentence_and_no_edit(served: str) -> None:
    async with editing("--server", served, "--seconds", "3") as editor:
        editor.open(FILE)
        await editor.execute((await editor.actions("by\n  sorry", 5))["leansieve: prove"])
        assert (await done(editor)).startswith("no proof of third (line 11): ")
        said = await editor.said.get()
        assert said.type is types.MessageType.Warning
        assert said.message.startswith("leansieve: no proof of third (line 11): ")
        assert "\n" not in said.message
        assert editor.edits.empty()
        assert editor.text == FILE


async def test_what_is_odd_about_a_statement_is_shown_there_until_it_changes(served: str) -> None:
    async with editing("--server", served, *SMALL) as editor:
        editor.open(
            "theorem t (n m : Nat) (h : n < 0) : n = 7 := by\n  sorry\n\ntheorem u (n m : Nat) : n = n := sorry\n"
        )
        await editor.execute((await editor.actions(whole=True))["leansieve: prove 2 sorries"])
        assert await done(editor) == "proved"
        shown = (await asyncio.wait_for(editor.shown.get(), 60)).diagnostics
        assert editor.said.empty()
        for one, start, said in zip(
            shown,
            (editor.text.index("t ("), editor.text.index("u ("), editor.text.index("m : Nat) : n = n")),
            ("the hypothesis `h` is false", "both sides of the goal are the same", "the goal mentions neither `m`"),
            strict=True,
        ):
            assert said in one.message
            assert one.severity is types.DiagnosticSeverity.Information
            assert one.range == types.Range(editor.position(start), editor.position(start + 1))
        assert list(shown[2].tags or ()) == [types.DiagnosticTag.Unnecessary]

        editor.change(editor.text + "-- more\n")
        assert (await asyncio.wait_for(editor.shown.get(), 60)).diagnostics == shown
        editor.change(editor.text.replace("u (n m", "u (n k"))
        assert list((await asyncio.wait_for(editor.shown.get(), 60)).diagnostics) == list(shown[:1])
        await editor.execute((await editor.actions("theorem t"))["leansieve: dismiss notes"])
        assert not (await asyncio.wait_for(editor.shown.get(), 60)).diagnostics


FALSE = """\
open Nat in
theorem small (n : Nat) : succ n < 5 := by
  sorry -- is it?

namespace Outer
  theorem half (p : Prop) (n : Nat) (hp : p) : p ∧ n < 3 := by
    constructor
    · exact hp
    · sorry
end Outer

theorem third (a b : Nat) : a + b = b + a := by
  sorry
"""


async def test_a_false_theorem_is_refuted_and_the_refutation_written_below_it(served: str, lean_client: Client) -> None:
    async with editing("--server", served, *SMALL) as editor:
        editor.open(FALSE)
        editor.choose = lambda titles: titles[0]
        await editor.execute((await editor.actions("small (n"))["leansieve: disprove"])
        assert (await done(editor)).startswith("small is REFUTED, with n = 5: ")
        (false,) = (await asyncio.wait_for(editor.shown.get(), 60)).diagnostics
        assert false.severity is types.DiagnosticSeverity.Warning
        assert false.message == "REFUTED, with n = 5: the kernel accepted a proof of the negation"
        await asyncio.wait_for(editor.edits.get(), 60)
        assert "  sorry -- is it?\n\nopen Nat in\ntheorem small_refuted :" in editor.text
        assert await verified(lean_client, editor.text, "small_refuted")

        # Its name is taken now.
        await editor.execute((await editor.actions("sorry -- is"))["leansieve: disprove"])
        assert (await done(editor)).startswith("small is REFUTED")
        await asyncio.wait_for(editor.edits.get(), 60)
        assert await verified(lean_client, editor.text, "small_refuted2")

        await editor.execute((await editor.actions("half (p"))["leansieve: disprove"])
        assert (await done(editor)).startswith("half is REFUTED")
        await asyncio.wait_for(editor.edits.get(), 60)
        assert "    · sorry\n\n  theorem half_refuted :\n    ¬" in editor.text
        assert await verified(lean_client, editor.text, "half_refuted")
        assert editor.said.empty()


async def test_a_goal_within_a_proof_is_refuted_too_and_what_holds_is_told(served: str) -> None:
    async with editing("--server", served, *SMALL) as editor:
        editor.open(FALSE)
        await editor.execute((await editor.actions("sorry\nend"))["leansieve: disprove"])
        assert (await done(editor)).startswith("the goal in line 9 is REFUTED, with p = True, n = 3: ")
        (false,) = (await asyncio.wait_for(editor.shown.get(), 60)).diagnostics
        start = editor.text.index("sorry\nend")
        assert false.range == types.Range(editor.position(start), editor.position(start + len("sorry")))
        assert "the goal in line 9 is REFUTED" in (await editor.said.get()).message

        await editor.execute((await editor.actions("third (a"))["leansieve: disprove"])
        assert await done(editor) == "third is not false: a proof of it was found"
        assert (await editor.said.get()).type is types.MessageType.Info
        assert editor.text == FALSE
        assert "leansieve: disprove" not in await editor.actions("exact hp")
        assert "leansieve: disprove" not in await editor.actions(whole=True)


async def test_open_goals_are_proved_in_bullets_under_the_tactic(served: str, lean_client: Client) -> None:
    async with editing("--server", served, *SMALL) as editor:
        editor.open(FILE)
        await editor.execute((await editor.actions("constructor\n\n", 3))["leansieve: prove"])
        assert await done(editor) == "proved"
        assert await verified(lean_client, editor.text, "fourth")
        assert "constructor\n  · " in editor.text
        # Lean's own diagnostic says where the block ends.
        place = editor.position(editor.text.index("by\n", editor.text.index("fifth")) + 2)
        unsolved = types.Diagnostic(types.Range(place, place), "unsolved goals\np q : Prop\n⊢ q ∧ p")
        offered = await editor.actions("fifth", 3, [unsolved])
        await editor.execute(offered["leansieve: prove"])
        assert await done(editor) == "proved"
        assert await verified(lean_client, editor.text, "fifth")


async def test_a_faulty_command_above_hinders_no_action(served: str, lean_client: Client) -> None:
    async with editing("--server", served, *SMALL) as editor:
        editor.open(f'def broken : Nat := "text"\n\n{FALSE}\n{FILE}')
        await editor.execute((await editor.actions("sorry\nend"))["leansieve: disprove"])
        assert (await done(editor)).startswith("the goal in line 11 is REFUTED, with p = True, n = 3: ")
        await asyncio.wait_for(editor.shown.get(), 60)
        await editor.execute((await editor.actions("constructor\n\n", 3))["leansieve: hint"])
        assert await done(editor) == "question"
        editor.choose = lambda titles: titles[0]
        await editor.execute((await editor.actions("sorry\n    · exact"))["leansieve: suggest tactics"])
        assert "close the goal" in await done(editor)
        await asyncio.wait_for(editor.edits.get(), 60)
        await editor.execute((await editor.actions("constructor\n\n", 3))["leansieve: prove"])
        assert await done(editor) == "proved"
        assert "constructor\n  · " in editor.text


async def test_a_suggestion_is_put_in_when_it_is_chosen(served: str, lean_client: Client) -> None:
    async with editing("--server", served, *SMALL) as editor:
        editor.open(FILE)
        chosen: list[str] = []

        def choose(titles: list[str]) -> str:
            chosen.extend(titles)
            return titles[-1]

        editor.choose = choose
        await editor.execute((await editor.actions("sorry"))["leansieve: suggest tactics"])
        assert "close the goal" in await done(editor)
        await asyncio.wait_for(editor.edits.get(), 60)
        assert editor.asked[0].startswith("leansieve: these close the goal")
        assert chosen[0].startswith("1. by ")
        assert await verified(lean_client, editor.text, "first")


async def test_a_search_is_cancelled_from_its_progress(served: str) -> None:
    async with editing("--server", served, "--samples", "5000", "--seconds", "500") as editor:
        editor.open(FILE)
        begun = asyncio.Event()
        editor.watch = lambda value: begun.set() if "checked" in (value.get("message") or "") else None
        await editor.execute((await editor.actions("by\n  sorry", 5))["leansieve: prove"])
        await asyncio.wait_for(begun.wait(), 120)
        assert "leansieve: stop searching" in await editor.actions("theorem first")
        editor.client.window_work_done_progress_cancel(types.WorkDoneProgressCancelParams(editor.token))
        assert await done(editor) == "stopped"
        assert editor.edits.empty()
        assert "leansieve: stop searching" not in await editor.actions("theorem first")

        # The stop action does the same, for editors whose progress has no button.
        begun.clear()
        await editor.execute((await editor.actions("by\n  sorry", 5))["leansieve: prove"])
        await asyncio.wait_for(begun.wait(), 120)
        await editor.execute((await editor.actions("theorem first"))["leansieve: stop searching"])
        assert await done(editor) == "stopped"


async def test_no_edit_is_made_when_the_text_changed_meanwhile(served: str) -> None:
    async with editing("--server", served, *SMALL) as editor:
        editor.open(FILE)
        changed: list[str] = []

        def meddle(value: Any) -> None:
            if value.get("message") == "first" and not changed:
                changed.append(FILE.replace("a + b = b + a", "a + b = a + b + 1"))
                editor.change(changed[0])

        editor.watch = meddle
        offered = await editor.actions("sorry")
        await editor.execute(offered["leansieve: prove"])
        assert await done(editor) == "a proof was found, but the text has changed meanwhile; nothing was put in"
        assert editor.text == changed[0]
        assert editor.edits.empty()
        await editor.said.get()

        await editor.execute(offered["leansieve: prove"])
        assert await done(editor) == "the text has changed since the action was offered; ask for it again"
        await editor.said.get()


@pytest.mark.parametrize("answers_with_an_error", [False, True])
async def test_an_edit_that_the_user_declines_is_no_error(served: str, answers_with_an_error: bool) -> None:
    async with editing("--server", served, *SMALL) as editor:
        editor.open(FILE)
        editor.takes_edits, editor.declines_by_an_error = False, answers_with_an_error
        await editor.execute((await editor.actions("sorry"))["leansieve: prove"])
        assert (await done(editor)) == "a proof was found; the editor did not take the edit: the user said no"
        assert editor.text == FILE
        await editor.actions("sorry")
        assert editor.said.empty()

        editor.takes_edits = True
        await editor.execute((await editor.actions("sorry"))["leansieve: prove"])
        assert await done(editor) == "proved"


async def test_an_editor_that_never_makes_a_display_is_given_the_proof_without(served: str) -> None:
    async with editing("--server", served, *SMALL) as editor:
        editor.open(FILE)
        editor.makes_displays.clear()
        await editor.execute((await editor.actions("sorry"))["leansieve: prove"])
        await asyncio.wait_for(editor.edits.get(), 100)
        assert editor.progress == []
        editor.makes_displays.set()


async def test_typing_while_the_editor_is_given_the_edit_is_told(served: str) -> None:
    async with editing("--server", served, *SMALL) as editor:
        editor.open(FILE)
        editor.takes_edits, editor.typed = False, FILE + "  -- more"
        await editor.execute((await editor.actions("sorry"))["leansieve: prove"])
        assert await done(editor) == "a proof was found, but the text has changed meanwhile; nothing was put in"
        assert (await editor.said.get()).type is types.MessageType.Warning


async def test_typing_below_does_not_hinder_the_edit(served: str, lean_client: Client) -> None:
    async with editing("--server", served, *SMALL) as editor:
        editor.open(FILE)
        editor.watch = lambda value: editor.change(FILE + "  -- more") if value.get("message") == "first" else None
        await editor.execute((await editor.actions("sorry"))["leansieve: prove"])
        assert await done(editor) == "proved"
        (change,) = (await editor.edits.get()).document_changes or ()
        assert isinstance(change, types.TextDocumentEdit)
        assert change.text_document == types.OptionalVersionedTextDocumentIdentifier(URI, 2)
        assert editor.text.endswith("-- more")
        assert await verified(lean_client, editor.text, "first")


async def test_without_a_server_lean_runs_in_the_language_server_and_ends_with_it() -> None:
    async with editing("--workers", "1", *SMALL) as editor:
        editor.open("theorem t (a b : Nat) : a + b = b + a := by\n  sorry\n")
        await editor.execute((await editor.actions("sorry"))["leansieve: prove"])
        assert await done(editor) == "proved"
        assert "sorry" not in editor.text


async def test_a_server_that_is_not_there_is_one_sentence_each_time() -> None:
    async with editing("--server", "127.0.0.1:1") as editor:
        editor.open(FILE)
        for _ in range(2):
            await editor.execute((await editor.actions("sorry"))["leansieve: prove"])
            said = await asyncio.wait_for(editor.said.get(), 60)
            assert said.type is types.MessageType.Error
            assert "127.0.0.1:1" in said.message
            assert "\n" not in said.message


async def test_news_of_documents_that_are_not_open_is_passed_over() -> None:
    async with editing("--server", "127.0.0.1:1") as editor:
        editor.open(FILE)
        document = types.VersionedTextDocumentIdentifier(uri="file:///tmp/leansieve/Other.lean", version=2)
        whole = types.TextDocumentContentChangeWholeDocument("x")
        editor.client.text_document_did_change(types.DidChangeTextDocumentParams(document, [whole]))
        closed = types.TextDocumentIdentifier(document.uri)
        editor.client.text_document_did_close(types.DidCloseTextDocumentParams(closed))
        editor.client.text_document_did_save(types.DidSaveTextDocumentParams(closed))
        assert "leansieve: prove" in await editor.actions("sorry")
        assert editor.said.empty()


async def test_a_request_of_a_method_that_is_not_served_is_answered_without_a_popup() -> None:
    async with editing("--server", "127.0.0.1:1") as editor:
        editor.open(FILE)
        hover = types.HoverParams(types.TextDocumentIdentifier(URI), types.Position(0, 0))
        with pytest.raises(JsonRpcMethodNotFound):
            await editor.client.text_document_hover_async(hover)
        assert await editor.actions("sorry")
        assert editor.said.empty()


async def test_requests_before_initialize_and_behind_shutdown_are_answered_with_an_error() -> None:
    client = LanguageClient("editor", "1")
    await client.start_io(*program(), "lsp", "--server", "127.0.0.1:1")
    params = types.CodeActionParams(
        types.TextDocumentIdentifier(URI),
        types.Range(types.Position(0, 0), types.Position(0, 0)),
        types.CodeActionContext([]),
    )
    with pytest.raises(JsonRpcException, match="initialize") as early:
        await client.text_document_code_action_async(params)
    assert early.value.code == types.ErrorCodes.ServerNotInitialized
    await client.initialize_async(types.InitializeParams(types.ClientCapabilities()))
    await client.shutdown_async(None)
    with pytest.raises(JsonRpcException, match="shut down") as late:
        await client.text_document_code_action_async(params)
    assert late.value.code == types.ErrorCodes.InvalidRequest
    client.exit(None)
    await client.stop()


async def test_a_request_that_cannot_be_read_is_answered_under_its_id() -> None:
    """Without a client library in between, which would not send such a thing."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "service", "lsp", "--server", "127.0.0.1:1"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    source, sink = process.stdout, process.stdin
    assert source is not None
    assert sink is not None

    async def answer(sent: bytes | dict[str, Any]) -> dict[str, Any]:
        data = sent if isinstance(sent, bytes) else json.dumps({"jsonrpc": "2.0", **sent}).encode()
        sink.write(b"Content-Length: %d\r\n\r\n%s" % (len(data), data))
        length = 0
        while (line := await asyncio.wait_for(source.readline(), 60)).strip():
            if line.startswith(b"Content-Length"):
                length = int(line.split()[1])
        found: dict[str, Any] = json.loads(await source.readexactly(length))
        return found

    assert "result" in await answer({"id": 0, "method": "initialize", "params": {"capabilities": {}}})
    place = {"start": {"line": -1, "character": 0}, "end": {"line": 0, "character": 0}}
    document, context = {"uri": URI}, {"diagnostics": []}
    run = "workspace/executeCommand"
    invalid = types.ErrorCodes.InvalidParams.value
    for number, (method, params, code, words) in enumerate(
        (
            ("textDocument/codeAction", {"textDocument": document, "range": place, "context": context}, invalid, "params.range.start"),
            ("textDocument/codeAction", {"textDocument": document}, invalid, "required field missing @ message.params.range"),
            ("textDocument/codeAction", [], invalid, "expected TextDocumentIdentifier"),
            ("textDocument/hover", 5, invalid, "expected HoverParams"),
            (run, {"command": "leansieve.prove"}, invalid, "Expected 3 arguments, got 0"),
            (run, {"command": "leansieve.prove", "arguments": [URI, 1, place]}, invalid, "Range"),
            (run, {"command": "leansieve.prove", "arguments": [1, 2, 3, 4]}, invalid, "Invalid Params"),
            (7, {}, types.ErrorCodes.InvalidRequest.value, "`method` is not a string"),
        ),
        start=1,
    ):  # fmt: skip
        said = await answer({"id": number, "method": method, "params": params})
        assert (said["id"], said["error"]["code"]) == (number, code), said
        assert words in said["error"]["message"]
        assert "\n" not in said["error"]["message"]
    older = await answer(b'{"jsonrpc": "1.0", "id": 20, "method": "shutdown"}')
    assert (older["id"], older["error"]["code"]) == (20, types.ErrorCodes.InvalidRequest.value)
    torn = await answer(b"{")
    assert (torn["id"], torn["error"]["code"]) == (None, types.ErrorCodes.ParseError.value)
    assert await answer({"id": 21, "method": "shutdown"}) == {"jsonrpc": "2.0", "id": 21, "result": None}
    sink.close()
    await asyncio.wait_for(process.wait(), 60)


def test_what_comes_from_no_editor_is_one_sentence() -> None:
    command = [sys.executable, "-m", "service", "lsp", "--server", "127.0.0.1:1"]
    done = subprocess.run(command, input=b"a" * 200_000, capture_output=True, timeout=300, check=False)
    assert done.returncode == 2
    assert done.stderr.decode() == (
        "leansieve: stdin has no messages of an editor: an editor must start `leansieve lsp`\n"
    )
    assert not done.stdout


@pytest.mark.parametrize("redirection", ["</dev/null", "<messages", "<&-"])
def test_without_an_editor_at_stdin_it_ends_with_a_sentence(redirection: str, tmp_path: Path) -> None:
    (tmp_path / "messages").write_bytes(b"Content-Length: 2\r\n\r\n{}")
    done = _redirected(redirection, tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "leansieve: stdin has no messages of an editor: an editor must start `leansieve lsp`\n"


def test_without_an_editor_at_stdout_it_ends_with_a_sentence(tmp_path: Path) -> None:
    done = _redirected(">messages", tmp_path)
    assert done.returncode == 2
    assert done.stderr == "leansieve: stdout leads to no editor: an editor must start `leansieve lsp`\n"


def _redirected(redirection: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = f"cd {shlex.quote(str(folder))} && exec {shlex.quote(sys.executable)} -m service lsp {redirection}"
    environment = os.environ | {"PYTHONPATH": os.getcwd()}
    return subprocess.run(
        ["sh", "-c", command],
        input="" if "<" not in redirection else None,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
