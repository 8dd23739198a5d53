"""Checks of given proofs."""

from leansieve.v1 import check_pb2
from prover.candidate import Candidate
from prover.errors import InputError
from prover.requests import Bounds, Check
from prover.verdict import Mode
from service.contract import values
from service.contract.options import read, write
from service.core.limits.text import take
from service.ops.config import TextSettings


def request_to_proto(check: Check) -> check_pb2.CheckProofRequest:
    """A check as a request. What only a whole solution is asked with is not in the contract of one check."""
    assert check.options.holes is None
    assert not check.options.axioms
    request = write(check.options, check_pb2.CheckProofRequest(theorem=values.theorem_to_proto(check.theorem)))
    if check.candidate.mode is Mode.PROOF:
        request.proof = check.candidate.text
    else:
        request.file = check.candidate.text
    return request


def request_from_proto(request: check_pb2.CheckProofRequest, default: Bounds, texts: TextSettings) -> Check:
    """The check that a request asks for.

    Raises:
        InputError: a text cannot be taken.
    """
    given = request.WhichOneof("candidate")
    if given is None:
        raise InputError("candidate", "the request holds neither `proof` nor `file`")
    mode = Mode(given)
    if request.guard and not request.theorem.statement.strip():
        raise InputError("guard", "a guard is for a statement, and the request holds none")
    text = take(given, request.proof if mode is Mode.PROOF else request.file, texts.candidate)
    return Check(
        theorem=values.theorem_from_proto(request.theorem, texts, stated=mode is Mode.PROOF),
        candidate=Candidate(text, mode, source="given"),
        options=read(request, default.options().check),
    )
