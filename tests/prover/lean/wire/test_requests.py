"""Requests and answers against docs/worker-protocol.md."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.candidate import Candidate
from prover.lean.checker import Terms
from prover.lean.wire import checks, library, lines, statements
from prover.lean.wire.answers import Sorry
from prover.lean.wire.checks import InvalidTextError, NoAnswerError
from prover.lean.wire.library import Constant
from prover.lean.wire.lines import AnswerError, ProtocolError
from prover.theorem import Header, Theorem
from prover.verdict import Limits, Message, Mode, Policy, Region, Trust, VerdictKind

THEOREM = Theorem("theorem a : 1 + 1 = 2", Header(("Init",), "open Nat"), "def b := 1")
VERIFIED = {
    "id": 7,
    "ok": True,
    "verdict": "verified",
    "trust": "kernel_replayed",
    "mode": "proof",
    "policy": "default",
    "theorem": "a",
    "type": "1 + 1 = 2",
    "messages": [{"severity": "warning", "region": "context", "line": 2, "column": 3, "text": "unused", "end_line": 2}],
    "axioms": ["propext"],
    "constants": 1,
    "heartbeats": 12,
    "timing": {"elaborate_ms": 3, "total_ms": 4.5},
}


def request(candidate: str = "by decide", **kwargs: Any) -> lines.Request[Any]:
    return checks.check(THEOREM, Candidate(candidate, **kwargs), Terms(policy=Policy("wide", ("Foo.ax",), ("k",))))


def test_check_request_has_every_field_of_the_page() -> None:
    fields = json.loads(request().line(7))
    assert fields == {
        "id": 7,
        "op": "check",
        "header": {"imports": ["Init"], "prelude": "open Nat"},
        "context": "def b := 1",
        "statement": "theorem a : 1 + 1 = 2",
        "proof": "by decide",
        "policy": {"name": "wide", "axioms": ["Foo.ax"], "kinds": ["k"], "guard": ""},
        "limits": {"heartbeats": 200_000, "recursion": 512, "messages": 20, "message_bytes": 4_000},
    }


def test_file_mode_sends_the_file() -> None:
    fields = json.loads(request("theorem a : 1 + 1 = 2 := rfl", mode=Mode.FILE).line(1))
    assert fields["file"] == "theorem a : 1 + 1 = 2 := rfl"
    assert "proof" not in fields


def test_line_ends_of_windows_are_read_as_lean_reads_them() -> None:
    assert json.loads(request("by\r\n  rfl\r").line(1))["proof"] == "by\n  rfl\r"


@given(st.text().filter(lambda text: "\r\n" not in text))
def test_a_request_is_one_line_of_ascii_that_says_the_same(text: str) -> None:
    line = request(text).line(3)
    assert line.isascii()
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert json.loads(line)["proof"] == text


def test_lone_surrogate_is_named_with_its_text_and_place() -> None:
    with pytest.raises(
        InvalidTextError, match="the candidate is not Unicode: a lone surrogate at character 2"
    ) as caught:
        request("by\ud800")
    verdict = checks.invalid_text_verdict(caught.value, Mode.PROOF, Policy())
    assert (verdict.kind, verdict.messages[0].region) == (VerdictKind.REJECTED, Region.CANDIDATE)


def test_too_long_a_context_blames_the_request_not_the_candidate() -> None:
    with pytest.raises(InvalidTextError, match="the context is 1048577 bytes long; at most 1048576 are read") as caught:
        checks.check(Theorem("theorem a : True", context="x" * 1_048_577), Candidate(""), Terms())
    assert checks.invalid_text_verdict(caught.value, Mode.PROOF, Policy()).kind is VerdictKind.INVALID_STATEMENT


@pytest.mark.parametrize(
    "limits",
    [
        Limits(seconds=0),
        Limits(seconds=float("inf")),
        Limits(seconds=float("nan")),
        Limits(heartbeats=0),
        Limits(recursion=0),
        Limits(messages=-1),
    ],
)
def test_limits_that_do_not_limit_are_refused(limits: Limits) -> None:
    with pytest.raises(ValueError, match="limits: "):
        checks.check(THEOREM, Candidate(""), Terms(limits))


def test_verdict_is_read() -> None:
    verdict = request().read(VERIFIED, 5.0, False)
    assert verdict.verified
    assert verdict.trust is Trust.KERNEL_REPLAYED
    assert verdict.policy.name == "wide"
    assert verdict.messages == (Message("warning", "unused", Region.CONTEXT, 2, 3),)
    assert verdict.timing["total_ms"] == 4.5
    assert (verdict.theorem, verdict.axioms, verdict.heartbeats, verdict.elapsed_ms) == ("a", ("propext",), 12, 5.0)


@pytest.mark.parametrize(
    "changed",
    [
        {"trust": "elaborated"},
        {"trust": None},
        {"trust": "isolated_replay"},
        {"mode": "file"},
        {"verdict": "splendid"},
        {"verdict": None},
        {"verdict": "infrastructure"},
        {"messages": [{"severity": "error"}]},
        {"messages": "none"},
        {"axioms": [1]},
        {"timing": {"total_ms": "soon"}},
        {"theorem": 3},
        {"heartbeats": "many"},
    ],
)
def test_an_answer_that_does_not_fit_is_no_verdict(changed: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError):
        request().read(VERIFIED | changed, 5.0, False)


def test_after_the_deadline_only_a_proof_still_counts() -> None:
    assert request().read(VERIFIED, 5.0, True).verified
    rejected = VERIFIED | {"verdict": "rejected", "trust": None}
    assert request().read(rejected, 5.0, True).kind is VerdictKind.TIMEOUT


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"nonsense",
        b"[]",
        b"{}",
        b'{"id": "7", "ok": true}',
        b'{"id": 7, "ok": 1}',
        b"[" * 100_000,
        b"\xff",
        b'{"id": 7, "ok": true, "theorem": "\\ud800"}',
    ],
)
def test_what_is_no_answer_is_refused(text: bytes) -> None:
    with pytest.raises(ProtocolError):
        lines.read_answer(text)


def test_refusal_of_the_worker_keeps_code_and_message() -> None:
    _, fields = lines.read_answer(b'{"id": 7, "ok": false, "error": {"code": "bad_header", "message": "no Foo"}}')
    with pytest.raises(AnswerError, match="no Foo") as caught:
        lines.accepted(fields)
    assert caught.value.code == "bad_header"
    with pytest.raises(ProtocolError):
        lines.accepted({"id": 7, "ok": False})


def test_other_answers_are_read() -> None:
    elaborated = statements.elaborate(THEOREM, Terms()).read(
        {"verdict": "verified", "theorem": "a", "type": "T", "goal": "⊢ T", "messages": [], "timing": {}}, 1.0, False
    )
    assert (elaborated.verdict, elaborated.goal) == (VerdictKind.VERIFIED, "⊢ T")
    invalid = statements.elaborate(THEOREM, Terms()).read(
        {"verdict": "invalid_statement", "theorem": None, "type": None, "goal": None, "messages": []}, 1.0, False
    )
    assert (invalid.verdict, invalid.goal) == (VerdictKind.INVALID_STATEMENT, "")
    sorry = {"line": 1, "column": 3, "end_line": 1, "end_column": 8, "goals": ["⊢ T"]}
    goals = statements.goals(THEOREM, "by sorry", Terms()).read(
        {"verdict": "verified", "sorries": [sorry], "messages": [], "timing": {}}, 1.0, False
    )
    assert goals.sorries == (Sorry(1, 3, 1, 8, ("⊢ T",)),)
    step = statements.tactic(THEOREM, ["intro h"], "simp", Terms())
    assert json.loads(step.line(1))["script"] == ["intro h"]
    assert step.read({"verdict": "verified", "goals": [], "messages": []}, 1.0, False).goals == ()
    look_up = library.constant(THEOREM, "Nat.add", Terms())
    found = {"found": True, "kind": "definition", "type": "Nat → Nat", "module": "Init.Prelude", "levels": []}
    assert look_up.read(found, 1.0, False) == Constant("Nat.add", "definition", "Nat → Nat", "Init.Prelude")
    assert look_up.read({"found": False}, 1.0, False) is None
    with pytest.raises(NoAnswerError, match="too late"):
        look_up.failed(VerdictKind.TIMEOUT, "too late", 1.0)


def test_acknowledgement_is_read_strictly() -> None:
    assert lines.acknowledged(b"cancelled 12") == 12
    for line in (b"cancelled", b"cancelled x", b"stopped 12", b"cancelled -1", b"cancelled " + b"1" * 50):
        with pytest.raises(ProtocolError):
            lines.acknowledged(line)
