"""Messages of hints."""

from leansieve.v1 import hint_pb2
from prover.requests import Bounds
from prover.source.typed import take
from prover.tutor.hints import (
    Checked,
    Fact,
    GivenHint,
    Hint,
    HintOutcome,
    LearnerStep,
    Level,
    Refused,
    Tutored,
    Tutoring,
    Veto,
)
from service.contract import fields, values
from service.contract.fields import read, write
from service.ops.config import TextSettings

_LEVELS = {level: hint_pb2.HintLevel.Value(f"HINT_LEVEL_{level.name}") for level in Level}
_LEVEL_OF = {value: level for level, value in _LEVELS.items()}
_OUTCOMES = {outcome: hint_pb2.HintOutcome.Value(f"HINT_OUTCOME_{outcome.name}") for outcome in HintOutcome}
_OUTCOME_OF = {value: outcome for outcome, value in _OUTCOMES.items()}
_FACTS = {fact: hint_pb2.HintFactKind.Value(f"HINT_FACT_KIND_{fact.name}") for fact in Fact}
_FACT_OF = {value: fact for fact, value in _FACTS.items()}
_VETOES = {veto: hint_pb2.HintVeto.Value(f"HINT_VETO_{veto.name}") for veto in Veto}
_VETO_OF = {value: veto for veto, value in _VETOES.items()}


def level_to_proto(level: Level) -> "hint_pb2.HintLevel.ValueType":
    """Convert the level of a hint."""
    return _LEVELS[level]


def outcome_to_proto(outcome: HintOutcome) -> "hint_pb2.HintOutcome.ValueType":
    """Convert the outcome of a request for a hint."""
    return _OUTCOMES[outcome]


def level_from_proto(value: "hint_pb2.HintLevel.ValueType") -> Level | None:
    """Convert a level; None if it is unspecified or unknown to this version."""
    return _LEVEL_OF.get(value)


def outcome_from_proto(value: "hint_pb2.HintOutcome.ValueType") -> HintOutcome | None:
    """Convert an outcome; None if it is unspecified or unknown to this version."""
    return _OUTCOME_OF.get(value)


def request_to_proto(request: Tutoring) -> hint_pb2.SuggestHintRequest:
    """Convert to a request."""
    message = hint_pb2.SuggestHintRequest(
        theorem=values.theorem_to_proto(request.theorem),
        proof=request.proof,
        earlier=[hint_pb2.EarlierHint(level=_LEVELS[one.level], step=one.step) for one in request.earlier],
        reference_proofs=request.proofs,
        read_only=not request.wanted,
        timeout=fields.duration(request.seconds),
    )
    write(request.check, message)
    return message


def request_from_proto(
    request: hint_pb2.SuggestHintRequest, default: Bounds, seconds: float, texts: TextSettings
) -> Tutoring:
    """Convert a request.

    Raises:
        InputError: a text is invalid.
    """
    return Tutoring(
        theorem=values.theorem_from_proto(request.theorem, texts),
        proof=take("proof", request.proof, texts.candidate),
        earlier=tuple(GivenHint(_LEVEL_OF[one.level], one.step) for one in request.earlier),
        proofs=tuple(take("reference_proofs", text, texts.candidate) for text in request.reference_proofs),
        wanted=not request.read_only,
        seconds=fields.seconds(request.timeout) if request.HasField("timeout") else seconds,
        check=read(request, default.options().check),
    )


def response_to_proto(found: Tutored, log_id: str) -> hint_pb2.SuggestHintResponse:
    """Convert an answer to its message."""
    response = hint_pb2.SuggestHintResponse(
        log_id=log_id,
        outcome=_OUTCOMES[found.outcome],
        sentence=found.sentence,
        steps=[
            hint_pb2.LearnerStep(text=one.text, line=one.line, column=one.column, goals=one.goals, open_goals=one.open)
            for one in found.steps
        ],
        goals=found.goals,
        open_goals=found.open,
        counterexample=[hint_pb2.HintValue(name=name, value=value) for name, value in found.counterexample],
        vetoes=[hint_pb2.HintVetoCount(veto=_VETOES[veto], count=count) for veto, count in found.vetoes.items()],
        proofs=found.proofs,
    )
    if (hint := found.hint) is not None:
        facts = [hint_pb2.HintFact(kind=_FACTS[one.fact], about=one.about) for one in hint.checked]
        message = hint_pb2.Hint(level=_LEVELS[hint.level], text=hint.text, step=hint.step, checked=facts)
        message.fixed, message.by_model = hint.fixed, hint.by_model
        response.hint.CopyFrom(message)
    if (one := found.refused) is not None:
        response.refused.CopyFrom(
            hint_pb2.RefusedStep(text=one.text, line=one.line, column=one.column, reason=one.reason, goal=one.goal)
        )
    return response


def response_from_proto(response: hint_pb2.SuggestHintResponse) -> Tutored:
    """Convert a message to an answer."""
    hint, refused = response.hint, response.refused
    vetoes = {_VETO_OF[one.veto]: one.count for one in response.vetoes if one.veto in _VETO_OF}
    return Tutored(
        outcome=_OUTCOME_OF.get(response.outcome, HintOutcome.NOT_CONTINUED),
        sentence=response.sentence,
        hint=Hint(
            _LEVEL_OF[hint.level],
            hint.text,
            hint.step,
            tuple(Checked(_FACT_OF[one.kind], one.about) for one in hint.checked if one.kind in _FACT_OF),
            hint.fixed,
            hint.by_model,
        )
        if response.HasField("hint") and hint.level in _LEVEL_OF
        else None,
        steps=tuple(
            LearnerStep(one.text, one.line, one.column, tuple(one.goals), one.open_goals) for one in response.steps
        ),
        goals=tuple(response.goals),
        open=response.open_goals,
        refused=Refused(refused.text, refused.line, refused.column, refused.reason, refused.goal)
        if response.HasField("refused")
        else None,
        counterexample=tuple((one.name, one.value) for one in response.counterexample),
        vetoes=vetoes,
        revisions=sum(vetoes.values()),
        proofs=response.proofs,
    )
