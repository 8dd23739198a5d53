"""Messages of tactic suggestions."""

from leansieve.v1 import search_pb2, suggest_pb2
from prover.assistance.suggest import (
    FilePosition,
    PrintedGoal,
    Suggest,
    Suggestion,
    Suggestions,
    TacticOutcome,
    TacticScript,
)
from prover.errors import InputError
from prover.options import Sampling
from prover.requests import Bounds
from prover.source.typed import take
from prover.theorem import Header, HeaderError
from service.contract import fields, values
from service.contract.fields import read, write
from service.ops.config import TextSettings

_OUTCOMES = {outcome: suggest_pb2.TacticOutcome.Value(f"TACTIC_OUTCOME_{outcome.name}") for outcome in TacticOutcome}
_OUTCOME_OF = {value: outcome for outcome, value in _OUTCOMES.items()}


def request_to_proto(request: Suggest) -> suggest_pb2.SuggestTacticsRequest:
    """Convert to a request."""
    message = suggest_pb2.SuggestTacticsRequest(
        suggestions=request.most,
        prefix=request.prefix,
        timeout=fields.duration(request.seconds),
        sampler=request.sampler,
        sampling=write(request.sampling, search_pb2.Sampling()),
    )
    write(request.check, message)
    match request.place:
        case TacticScript(theorem, script):
            message.state.theorem.CopyFrom(values.theorem_to_proto(theorem))
            message.state.script.extend(script)
        case FilePosition(text, line, column, project):
            message.position.text = text
            message.position.position.line = line
            message.position.position.column = column
            message.position.project = project
        case PrintedGoal(goal, header, context, project):
            message.goal.goal = goal
            message.goal.header = header.text
            message.goal.context = context
            message.goal.project = project
    return message


def request_from_proto(
    request: suggest_pb2.SuggestTacticsRequest, default: Bounds, default_most: int, seconds: float, texts: TextSettings
) -> Suggest:
    """Convert a request.

    Raises:
        InputError: a text is invalid.
    """
    return Suggest(
        place=_place(request, texts),
        most=request.suggestions if request.HasField("suggestions") else default_most,
        prefix=request.prefix,
        seconds=fields.seconds(request.timeout) if request.HasField("timeout") else seconds,
        check=read(request, default.options().check),
        sampler=request.sampler,
        sampling=read(request.sampling, Sampling()),
    )


def response_to_proto(found: Suggestions, log_id: str) -> suggest_pb2.SuggestTacticsResponse:
    """Convert a result to its message."""
    return suggest_pb2.SuggestTacticsResponse(
        log_id=log_id,
        goals=found.goals,
        tried=found.tried,
        term=found.term,
        timed_out=found.timed_out,
        suggestions=[
            suggest_pb2.TacticSuggestion(
                tactic=one.tactic,
                outcome=_OUTCOMES[one.outcome],
                goals=one.goals,
                score=one.score,
                source=one.source,
                elapsed_duration=fields.duration(one.seconds),
                trust=values.trust_to_proto(one.trust),
            )
            for one in found.suggestions
        ],
    )


def response_from_proto(response: suggest_pb2.SuggestTacticsResponse) -> Suggestions:
    """Convert a message to a result."""
    return Suggestions(
        goals=tuple(response.goals),
        suggestions=tuple(
            Suggestion(
                tactic=one.tactic,
                outcome=_OUTCOME_OF.get(one.outcome, TacticOutcome.PROGRESS),
                goals=tuple(one.goals),
                score=one.score,
                source=one.source,
                seconds=fields.seconds(one.elapsed_duration),
                trust=values.trust_from_proto(one.trust),
            )
            for one in response.suggestions
        ),
        tried=response.tried,
        term=response.term,
        timed_out=response.timed_out,
    )


def _place(
    request: suggest_pb2.SuggestTacticsRequest, texts: TextSettings
) -> TacticScript | FilePosition | PrintedGoal:
    match request.WhichOneof("place"):
        case "state":
            script = tuple(take("state.script", block, texts.candidate) for block in request.state.script)
            return TacticScript(values.theorem_from_proto(request.state.theorem, texts), script)
        case "position":
            at = request.position.position
            text = take("position.text", request.position.text, texts.context)
            return FilePosition(text.replace("\r\n", "\n"), at.line, at.column, request.position.project)
        case "goal":
            goal = request.goal
            take("goal.header", goal.header, texts.header)
            take("goal.context", goal.context, texts.context)
            try:
                header = _header(goal.header, goal.project)
            except HeaderError as error:
                raise InputError("goal.header", str(error)) from None
            return PrintedGoal(take("goal.goal", goal.goal, texts.statement), header, goal.context, goal.project)
        case _:
            raise InputError("place", "the request names no place: set state, position or goal")


def _header(text: str, project: str) -> Header:
    if project:
        return Header.of_project(text)
    return Header.parse(text) if text.strip() else Header()
