"""Messages of solutions of a challenge."""

from collections.abc import Sequence

from leansieve.v1 import check_pb2
from prover.assistance.against import ChallengePart, Solution, Solved
from prover.errors import InputError
from prover.requests import Bounds
from prover.source import lean_file, showing
from prover.source.lean_file import LeanFile
from prover.source.typed import take
from prover.theorem import HeaderError
from service.contract import values
from service.contract.fields import read, write
from service.ops.config import TextSettings


def request_to_proto(asked: Solution) -> check_pb2.CheckSolutionRequest:
    """Convert a solution to a request."""
    request = check_pb2.CheckSolutionRequest(
        challenge=asked.challenge.text,
        solution=asked.solution.text,
        theorems=asked.theorems,
        definitions=asked.definitions,
        axioms=asked.axioms,
        project=asked.project,
    )
    return write(asked.options, request)


def request_from_proto(request: check_pb2.CheckSolutionRequest, default: Bounds, texts: TextSettings) -> Solution:
    """Convert a request to a solution.

    Raises:
        InputError: a text is invalid.
    """
    return Solution(
        challenge=_file("challenge", request.challenge, texts.context),
        solution=_file("solution", request.solution, texts.candidate),
        theorems=tuple(request.theorems),
        definitions=tuple(request.definitions),
        axioms=tuple(request.axioms),
        project=request.project,
        options=read(request, default.options().check),
    )


def response_to_proto(found: Sequence[Solved], solution: LeanFile) -> check_pb2.CheckSolutionResponse:
    """Convert the verdicts on all parts to a message, with the commands of the solution that were not run."""
    parts = [
        check_pb2.SolutionPart(
            name=one.part.name,
            line=one.part.line,
            definition=one.part.definition,
            verdict=values.verdict_to_proto(one.verdict),
        )
        for one in found
    ]
    return check_pb2.CheckSolutionResponse(
        verified=all(one.verdict.verified for one in found),
        parts=parts,
        not_run=showing.named(showing.showing(solution.commands)),
    )


def response_from_proto(response: check_pb2.CheckSolutionResponse) -> list[Solved]:
    """Convert a message to the verdicts on all parts."""
    return [
        Solved(ChallengePart(one.name, one.line, one.definition), values.verdict_from_proto(one.verdict))
        for one in response.parts
    ]


def _file(field: str, text: str, longest: int) -> LeanFile:
    try:
        return lean_file.parse(take(field, text, longest).replace("\r\n", "\n"))
    except HeaderError as error:
        raise InputError(field, str(error)) from None
