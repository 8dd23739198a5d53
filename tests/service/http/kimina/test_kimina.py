"""Kimina's contract, as far as it needs no Lean."""

import json
from typing import Any

import pytest

from leansieve.v1 import check_pb2
from prover.errors import InputError
from prover.verdict import Message, Trust, Verdict, VerdictKind
from service.contract import values
from service.http.kimina import check, verify

FILE = "import Std\n\ntheorem t : True := by\n  sorry\n"


def asked(**more: Any) -> bytes:
    return json.dumps({"codes": [{"custom_id": 7, "proof": FILE}], **more}).encode()


def answered(verdict: Verdict, **more: Any) -> dict[str, Any]:
    """The only result of a request whose file got this verdict."""
    answer = check_pb2.CheckProofsResponse(id="0", verdict=values.verdict_to_proto(verdict))
    (result,) = json.loads(verify(asked(**more), 300).write([answer]))["results"]
    assert isinstance(result, dict)
    return result


@pytest.mark.parametrize("kind", list(VerdictKind))
def test_only_a_verified_file_is_free_of_errors_and_sorries(kind: VerdictKind) -> None:
    trust = Trust.KERNEL_REPLAYED if kind is VerdictKind.VERIFIED else Trust.NONE
    result = answered(Verdict(kind, trust))
    response = result["response"] or {}
    errors = [one for one in response.get("messages", ()) if one["severity"] == "error"]
    clean = not (result["error"] or errors or response.get("sorries"))
    assert clean == (kind is VerdictKind.VERIFIED)
    assert (result["custom_id"], result["verdict"]) == ("7", kind.name)
    assert ("no reward" in result["meaning"]) == (kind is not VerdictKind.VERIFIED)
    assert (result["error"] is None) != (result["response"] is None), "Kimina's client takes one of them"


def test_a_time_out_says_how_long_was_waited() -> None:
    assert answered(Verdict(VerdictKind.TIMEOUT, Trust.NONE), timeout=5)["error"] == "Lean timed out in 5 seconds"
    assert answered(Verdict(VerdictKind.TIMEOUT, Trust.NONE), timeout=5000)["error"] == "Lean timed out in 300 seconds"


def test_messages_and_sorries_are_at_their_places_in_the_file() -> None:
    said = Message("warning", "declaration uses `sorry`", line=1, column=0)
    result = answered(Verdict(VerdictKind.INCOMPLETE, Trust.NONE, messages=(said,)))
    (message,), (hole,) = result["response"]["messages"], result["response"]["sorries"]
    assert (message["severity"], message["pos"]) == ("warning", {"line": 3, "column": 0})
    assert (hole["pos"], hole["endPos"]) == ({"line": 4, "column": 2}, {"line": 4, "column": 7})


def test_commands_that_are_not_run_are_told() -> None:
    file = "import Std\n\n#eval 1\ntheorem t : True := trivial\n#guard 1 = 2\n"
    body = json.dumps({"codes": [{"custom_id": 7, "proof": file}]}).encode()
    verdict = Verdict(VerdictKind.VERIFIED, Trust.KERNEL_REPLAYED)
    answer = check_pb2.CheckProofsResponse(id="0", verdict=values.verdict_to_proto(verdict))
    (result,) = json.loads(verify(body, 300).write([answer]))["results"]
    assert result["not_run"] == ["#eval (line 3)", "#guard (line 5)"]
    (message,) = result["response"]["messages"]
    assert (message["severity"], message["pos"]["line"]) == ("info", 3)
    assert message["data"] == "leansieve: not run, and so not checked: #eval (line 3), #guard (line 5)"


async def test_what_cannot_be_read_is_an_error_of_its_own_and_not_asked() -> None:
    snippets = [{"id": "a", "code": ""}, {"id": "b", "code": FILE}, {"id": "c", "code": "import 3\n"}]
    files = check(json.dumps({"snippets": snippets, "infotree": "full"}).encode(), 300)
    asked_for = [request.id async for request in files.requests() if isinstance(request, check_pb2.CheckProofsRequest)]
    assert "0" not in asked_for
    assert "1" in asked_for
    answer = json.loads(files.write([]))
    assert [one["id"] for one in answer["results"]] == ["a", "b", "c"]
    assert all(one["error"] for one in answer["results"])
    assert len(answer["notes"]) == 1


def test_a_lone_surrogate_is_no_text() -> None:
    with pytest.raises(InputError):
        verify(b'{"codes": [{"custom_id": 1, "proof": "\\ud800"}]}', 300)
