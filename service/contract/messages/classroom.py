"""Messages of classrooms, learners and their progress."""

from collections.abc import Iterable

from leansieve.v1 import classroom_pb2, hint_pb2
from prover.errors import InputError
from service.classrooms.classroom import Attempt, Classroom, ClassroomTheorem, JoinedLearner
from service.contract import fields, values
from service.contract.messages.hint import level_to_proto, outcome_to_proto
from service.core.limits.text import take
from service.ops.config import TextSettings

_GROUP = 4  # letters of a code between hyphens
_LONGEST_NAME = 1024


def theorems_from_proto(
    theorems: Iterable[classroom_pb2.ClassroomTheorem], texts: TextSettings
) -> tuple[ClassroomTheorem, ...]:
    """Convert the theorems of a request.

    Raises:
        InputError: a text is invalid.
    """
    found = []
    for number, one in enumerate(theorems):
        try:
            name = take("id", one.id, _LONGEST_NAME)
            theorem = values.theorem_from_proto(one.theorem, texts)
            proofs = tuple(take("reference_proofs", text, texts.candidate) for text in one.reference_proofs)
        except InputError as error:
            raise InputError(f"theorems[{number}].{error.field}", f"theorem {one.id!r}: {error}") from None
        found.append(ClassroomTheorem(name, theorem, proofs))
    return tuple(found)


def classroom_to_proto(one: Classroom, theorems: bool = True) -> classroom_pb2.Classroom:
    """Convert a classroom as its teacher sees it, with or without its theorems."""
    groups = [one.code[at : at + _GROUP] for at in range(0, len(one.code), _GROUP)]
    return classroom_pb2.Classroom(
        id=one.id,
        label=one.label,
        join_code="-".join(groups),
        theorems=theorems_to_proto(one, proofs=True) if theorems else [],
        learner_count=one.learners,
        create_time=fields.timestamp(one.created),
        expire_time=fields.timestamp(one.expires),
    )


def theorems_to_proto(one: Classroom, proofs: bool) -> list[classroom_pb2.ClassroomTheorem]:
    """Convert theorems to messages, including the teacher's proofs only if the recipient may see them."""
    return [
        classroom_pb2.ClassroomTheorem(
            id=each.id,
            theorem=values.theorem_to_proto(each.theorem),
            reference_proofs=each.proofs if proofs else (),
        )
        for each in one.theorems
    ]


def learner_to_proto(one: JoinedLearner) -> classroom_pb2.Learner:
    """Convert a learner's progress."""
    return classroom_pb2.Learner(
        id=one.id,
        display_name=one.name,
        join_time=fields.timestamp(one.joined),
        attempts=[_attempt(each) for each in one.attempts],
    )


def _attempt(one: Attempt) -> classroom_pb2.Attempt:
    return classroom_pb2.Attempt(
        theorem_id=one.theorem,
        proof=one.proof,
        outcome=hint_pb2.HINT_OUTCOME_UNSPECIFIED if one.outcome is None else outcome_to_proto(one.outcome),
        open_goals=one.open,
        goal=one.goal,
        fault=one.fault,
        goal_time=fields.timestamp(one.goal_since),
        hint_count=one.hints,
        highest_level=hint_pb2.HINT_LEVEL_UNSPECIFIED if one.highest is None else level_to_proto(one.highest),
        begin_time=fields.timestamp(one.begun),
        update_time=fields.timestamp(one.asked),
        finish_time=None if one.finished is None else fields.timestamp(one.finished),
    )
