"""The transport over stdin and stdout, without Lean: what it answers to lines that are no messages."""

import json
import subprocess
import sys

import pytest
from mcp.types import INVALID_REQUEST, PARSE_ERROR

DEEP = '{"jsonrpc": "2.0", "id": "a", "method": "ping", "params": {"x": ' + "[" * 300 + "]" * 300 + "}}"


@pytest.fixture(scope="module")
def answers() -> list[dict[str, object]]:
    lines = [line for line, _, _ in LINES]
    done = subprocess.run(
        [sys.executable, "-m", "service", "mcp", "--server", "127.0.0.1:1"],
        input="\n".join([*lines, ""]),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


LINES: list[tuple[str, object, int]] = [
    ('{"jsonrpc": "2.0", "id": "a"}', "a", INVALID_REQUEST),
    ('{"jsonrpc": "1.0", "id": "b", "method": "ping"}', "b", INVALID_REQUEST),
    ('{"id": 3, "method": "ping"}', 3, INVALID_REQUEST),
    ('{"jsonrpc": "2.0", "id": 4, "method": "tools/call", "params": []}', 4, INVALID_REQUEST),
    ('{"jsonrpc": "2.0", "id": 5, "method": "ping", "params": {"x": "\\ud800"}}', 5, PARSE_ERROR),
    ('{"jsonrpc": "2.0", "id": true, "method": 1}', None, INVALID_REQUEST),
    ("[]", None, PARSE_ERROR),
    ("{", None, PARSE_ERROR),
    (DEEP, "a", PARSE_ERROR),
]


@pytest.mark.parametrize("number", range(len(LINES)), ids=[line[:40] for line, _, _ in LINES])
def test_a_line_that_is_no_message_is_answered_under_its_id(answers: list[dict[str, object]], number: int) -> None:
    _, name, code = LINES[number]
    answer = answers[number]
    assert answer["id"] == name
    assert isinstance(answer["error"], dict)
    assert answer["error"]["code"] == code
