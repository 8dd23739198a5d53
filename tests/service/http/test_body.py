"""Reading of a request's body."""

from collections.abc import AsyncIterator

import pytest

from leansieve.v1 import check_pb2
from prover.errors import InputError
from service.http.body import messages, parse


@pytest.mark.parametrize("body", [b"null", b"[]", b'"proof"', b" 5", b"true"])
def test_json_that_is_no_object_is_refused_in_one_sentence_and_taken_for_no_empty_message(body: bytes) -> None:
    with pytest.raises(
        InputError, match=r"^the request is not valid JSON of CheckProofRequest: send an object, \{…\}$"
    ):
        parse(body, check_pb2.CheckProofRequest())


@pytest.mark.parametrize("body", [b"bad", b"", b"'{}'", b"[1"])
def test_text_that_is_no_json_is_called_so(body: bytes) -> None:
    with pytest.raises(InputError, match=r"^the request is not JSON: send an object, \{…\}$"):
        parse(body, check_pb2.CheckProofRequest())


def test_a_number_in_place_of_a_text_is_told_in_plain_words() -> None:
    with pytest.raises(InputError, match=r"Failed to parse statement field: a text is expected, not int$"):
        parse(b'{"theorem": {"statement": 5}}', check_pb2.CheckProofRequest())


def test_blanks_may_stand_around_an_object() -> None:
    request = check_pb2.CheckProofRequest()
    parse(b' \r\n\t{"proof": "rfl"}\n', request)
    assert request.proof == "rfl"


async def test_an_item_without_an_id_is_known_by_its_line() -> None:
    async def lines() -> AsyncIterator[tuple[int, bytes | None]]:
        for number, line in enumerate((b'{"check": {}}', b'{"id": "", "check": {}}', b'{"id": "a"}', b"5"), start=1):
            yield number, line

    read = [one async for one in messages(lines(), check_pb2.CheckProofsRequest)]
    assert [one.id for one in read if hasattr(one, "id")] == ["line:1", "line:2", "a", "line:4"]
