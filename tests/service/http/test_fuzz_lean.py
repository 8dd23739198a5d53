"""Arbitrary bodies, and requests from the OpenAPI document: each gets an ordinary answer in the documented form.

`LEANSIEVE_FUZZ=20000` runs so many requests of each call; the default is what a test run has time for.
"""

import asyncio
import json
import os
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import checks
from structlog.testing import capture_logs

from service.contract.methods import METHODS
from service.core.limits.text import printable
from service.http.app import path
from tests.service.grpc.test_fuzz_lean import TEXT, messages

pytestmark = [
    pytest.mark.lean,
    pytest.mark.timeout(0),
    pytest.mark.filterwarnings("ignore:Do not use the `random` module"),
]

REQUESTS = int(os.environ.get("LEANSIEVE_FUZZ", "12"))
ORDINARY = {200, 400, 404, 409, 413, 429, 504}
LEFT = 0  # the client had no more time
SECONDS = 1.5
EASY = {"theorem": {"statement": "theorem easy (a b : Nat) : a + b = b + a"}, "proof": "by omega"}

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT | st.sampled_from(["1s", "-1s", "NaN", "\ud800"])
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3))


def wild(descriptor: Descriptor) -> st.SearchStrategy[bytes]:
    """JSON that has some of the message's names and anything under them, or is nothing of the kind."""
    names = [field.json_name for field in descriptor.fields] + ["input", "name", "prefix"]
    objects = st.dictionaries(st.sampled_from(names), VALUES, max_size=4)
    return (objects | VALUES).map(lambda value: json.dumps(value).encode()) | st.binary(max_size=40)


def tame(descriptor: Descriptor) -> st.SearchStrategy[bytes]:
    """Requests of the contract."""

    def write(message: Message) -> bytes:
        try:
            return json_format.MessageToJson(message, indent=None).encode()
        except (json_format.SerializeToJsonError, ValueError):
            return b"{}"  # JSON has no such duration

    return messages(descriptor, tame=True).map(write)


@schemathesis.serializer("application/x-ndjson")
def one_line(_context: Any, value: Any) -> bytes:
    return json.dumps(value).encode()


async def ask(url: str, page: str, body: bytes, media_type: str) -> int:
    try:
        async with httpx.AsyncClient(base_url=url, timeout=SECONDS) as client:
            answer = await client.post(page, content=body, headers={"content-type": media_type})
    except httpx.TimeoutException:
        return LEFT
    if answer.status_code == 200:
        assert '"code": 500' not in answer.text
    else:
        error = answer.json()["error"]
        assert error["code"] == answer.status_code
        assert printable(error["message"]) == error["message"]
    return answer.status_code


@pytest.mark.parametrize("name", [*sorted(METHODS), "Generate"])
async def test_whatever_is_posted_the_server_stands_and_says_what_is_wrong(name: str, bridge: str) -> None:
    called = "SuggestTactics" if name == "Generate" else name
    method = METHODS[called]
    page = "/generate" if name == "Generate" else path(name)
    media_type = "application/x-ndjson" if method.client_streaming else "application/json"
    loop = asyncio.get_running_loop()
    found: Counter[int] = Counter()

    def run(body: bytes) -> None:
        status = asyncio.run_coroutine_threadsafe(ask(bridge, page, body, media_type), loop).result()
        found[status] += 1
        assert status in ORDINARY | {LEFT}, (status, body)

    def session(bodies: st.SearchStrategy[bytes]) -> Callable[[], None]:
        examples = settings(max_examples=max(1, REQUESTS // 2), database=None, suppress_health_check=list(HealthCheck))
        return examples(given(bodies)(run))  # type: ignore[no-any-return]

    with capture_logs() as logs:
        await asyncio.to_thread(session(wild(method.input_type)))
        await asyncio.to_thread(session(tame(method.input_type)))
    assert [entry for entry in logs if entry["event"] == "failed"] == []
    print(f"{name}: {dict(found)}")
    await stands(bridge)


async def test_schemathesis_finds_nothing_that_the_document_does_not_say(bridge: str) -> None:
    document = (await asyncio.to_thread(httpx.get, f"{bridge}/openapi.json")).json()
    for operations in document["paths"].values():
        for operation in operations.values():
            if stream := operation["responses"]["200"]["content"].get("text/event-stream"):
                stream["schema"] = stream["schema"]["contentSchema"]  # schemathesis takes it for that of an event
    schema = schemathesis.openapi.from_dict(document)
    # Not that what fits the document is taken: Lean's word on a statement, say, is no matter of schemas.
    looks = [
        checks.not_a_server_error,
        checks.status_code_conformance,
        checks.content_type_conformance,
        checks.response_headers_conformance,
        checks.response_schema_conformance,
    ]
    asked: Counter[str] = Counter()

    def run(case: Any) -> None:
        try:
            response = case.call(base_url=bridge, timeout=SECONDS)
        except requests.Timeout:
            asked["left"] += 1
            return
        asked[str(response.status_code)] += 1
        case.validate_response(response, checks=looks)

    def session() -> None:
        for operation in schema.get_all_operations():
            strategy = operation.ok().as_strategy()
            examples = settings(max_examples=REQUESTS, database=None, suppress_health_check=list(HealthCheck))
            examples(given(case=strategy)(run))()

    with capture_logs() as logs:
        await asyncio.to_thread(session)
    assert [entry for entry in logs if entry["event"] == "failed"] == []
    print(f"schemathesis: {dict(asked)}")
    assert asked["200"]
    await stands(bridge)


async def stands(url: str) -> None:
    """A proof is still checked."""
    async with httpx.AsyncClient(base_url=url, timeout=120) as client:
        checked = await client.post("/v1/check-proof", json=EASY)
    assert checked.json()["verdict"]["kind"] == "VERDICT_KIND_VERIFIED"
