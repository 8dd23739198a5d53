"""What is read of a request's body."""

import pytest

from leansieve.v1 import check_pb2
from prover.errors import InputError
from service.http.body import parse


@pytest.mark.parametrize("body", [b"null", b"[]", b'"proof"', b" 5", b"true", b""])
def test_json_that_is_no_object_is_refused_in_one_sentence_and_taken_for_no_empty_message(body: bytes) -> None:
    with pytest.raises(
        InputError, match=r"^the request is not valid JSON of CheckProofRequest: send an object, \{…\}$"
    ):
        parse(body, check_pb2.CheckProofRequest())


def test_blanks_may_stand_around_an_object() -> None:
    request = check_pb2.CheckProofRequest()
    parse(b' \r\n\t{"proof": "rfl"}\n', request)
    assert request.proof == "rfl"
