"""Errors across gRPC."""

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc.aio import AioRpcError, Metadata

from prover.errors import InputError, NotAllowedError, UnknownCallerError, UserError
from prover.requests import BusyError, GoneError, LateError, StatementError, UnavailableError
from prover.verdict import Message, Region, Verdict, VerdictKind
from service.batch.batches import NoBatchError
from service.classrooms.classroom import NoClassroomError
from service.contract import status
from service.grpc import status as grpc_status


def across(error: UserError) -> UserError:
    """What a client makes of what a server says."""
    sent = status.to_status(error)
    code = next(code for code in grpc.StatusCode if code.value[0] == sent.code)
    trailing = Metadata(("grpc-status-details-bin", sent.SerializeToString()))
    return grpc_status.to_error(AioRpcError(code, Metadata(), trailing, sent.message), "here")


def test_a_message_neither_begins_nor_ends_with_a_blank() -> None:
    sent = status.to_status(InputError("policy", "there is no policy of that name:\n "))
    assert sent.message == "there is no policy of that name:"


def test_marks_that_turn_a_line_around_are_written_out() -> None:
    sent = status.to_status(InputError("theorem.project", "there is no project `a\u202eb`\nhere"))
    assert sent.message == "there is no project `a\\u202eb`\nhere"
    verdict = Verdict(
        VerdictKind.INVALID_STATEMENT, messages=(Message("error", "unknown a\u2066b", Region.STATEMENT, 1, 4),)
    )
    sent = status.to_status(StatementError(verdict))
    bad = error_details_pb2.BadRequest()
    assert any(detail.Unpack(bad) for detail in sent.details)
    assert bad.field_violations[0].description == "1:4: unknown a\\u2066b"
    assert sent.message.endswith("unknown a\\u2066b")


def test_errors_survive_the_journey() -> None:
    verdict = Verdict(
        VerdictKind.INVALID_STATEMENT,
        messages=(Message("error", "unknown identifier 'm'", Region.STATEMENT, 1, 24),),
    )
    statement = across(StatementError(verdict))
    assert isinstance(statement, StatementError)
    assert statement.verdict == verdict
    assert str(statement) == "the statement does not elaborate at statement 1:24: unknown identifier 'm'"
    bad = across(InputError("policy", "there is no policy 'x'"))
    assert isinstance(bad, InputError)
    assert (bad.field, str(bad)) == ("policy", "there is no policy 'x'")
    busy = across(BusyError("come back", 2.5))
    assert isinstance(busy, BusyError)
    assert busy.seconds == 2.5
    assert type(busy) is BusyError
    assert type(across(LateError("too little time", 1.0))) is LateError
    for refusal in (UnknownCallerError("who?"), NotAllowedError("not you"), NoBatchError("no"), NoClassroomError("no")):
        assert type(across(refusal)) is type(refusal)
        assert str(across(refusal)) == str(refusal)
    leaving = across(UnavailableError("going", 1.5))
    assert type(leaving) is UnavailableError
    assert leaving.seconds == 1.5
    broken = across(UnavailableError("no Lean"))
    assert isinstance(broken, UnavailableError)
    assert not isinstance(broken, GoneError)


def test_a_status_carries_google_rpc_details() -> None:
    verdict = Verdict(VerdictKind.INVALID_STATEMENT, messages=(Message("error", "no", Region.HEADER, 2, 3),))
    info, violations, _ = status.to_status(StatementError(verdict)).details
    reason, request = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    assert info.Unpack(reason)
    assert violations.Unpack(request)
    assert (reason.reason, reason.domain) == ("INVALID_STATEMENT", "leansieve")
    assert [(v.field, v.description) for v in request.field_violations] == [("theorem.header", "2:3: no")]


def test_too_little_time_is_no_busy_server() -> None:
    sent = status.to_status(LateError("too little time"))
    reason = error_details_pb2.ErrorInfo()
    assert sent.details[0].Unpack(reason)
    assert (sent.code, reason.reason, len(sent.details)) == (grpc.StatusCode.DEADLINE_EXCEEDED.value[0], "LATE", 1)


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("CLIENT: Sent message larger than max (5000013 vs. 4194304)", "the request is 5,000,013 bytes long; at most 4,194,304 are taken"),
        ("SERVER: Received message larger than max (70000 vs. 65536)", "the request is 70,000 bytes long; at most 65,536 are taken"),
        ("CLIENT: Received message larger than max (70000 vs. 65536)", "the answer is 70,000 bytes long; at most 65,536 are taken"),
    ],
)  # fmt: skip
def test_a_message_that_is_too_large_is_told_in_our_words(said: str, sentence: str) -> None:
    error = AioRpcError(grpc.StatusCode.RESOURCE_EXHAUSTED, Metadata(), Metadata(), said)
    assert str(grpc_status.to_error(error, "here")) == sentence


def test_details_fit_into_a_header_whatever_lean_said() -> None:
    messages = tuple(Message("error", "∀" * 4_000, Region.STATEMENT, line, 0) for line in range(1, 100))
    sent = status.to_status(StatementError(Verdict(VerdictKind.INVALID_STATEMENT, messages=messages)))
    assert sent.ByteSize() < 6_000
    assert len(sent.message.encode()) < 500
    error = across(StatementError(Verdict(VerdictKind.INVALID_STATEMENT, messages=messages)))
    assert isinstance(error, StatementError)
    assert error.verdict.messages


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (grpc.StatusCode.UNAVAILABLE, GoneError),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, InputError),
        (grpc.StatusCode.DEADLINE_EXCEEDED, UnavailableError),
        (grpc.StatusCode.INTERNAL, UnavailableError),
    ],
)
def test_what_gRPC_itself_says_is_understood(code: grpc.StatusCode, kind: type[UserError]) -> None:
    error = grpc_status.to_error(AioRpcError(code, Metadata(), Metadata(), "details"), "127.0.0.1:1")
    assert type(error) is kind
