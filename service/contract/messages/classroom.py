"""Messages of classrooms, learners and their progress."""

from collections.abc import Iterable

from leansieve.v1 import classroom_pb2, hint_pb2
from prover.errors import InputError
from prover.source.typed import take
from service.classrooms.classroom import Attempt, Classroom, ClassroomTheorem, Classwork, JoinedLearner
from service.contract import fields, values
from service.contract.messages.hint import level_from_proto, level_to_proto, outcome_from_proto, outcome_to_proto
from service.core.limits.text import take_name
from service.ops.config import TextSettings

_GROUP = 4  # letters of a code between hyphens
_LONGEST_NAME = 1024
_ANY = TextSettings(header=1 << 30, context=1 << 30, statement=1 << 30)  # limits of texts from a server


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
            name = take_name("id", one.id, _LONGEST_NAME)
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


def classroom_from_proto(one: classroom_pb2.Classroom) -> Classroom:
    """Convert a classroom as its teacher sees it; the code is the one given to learners."""
    return Classroom(
        id=one.id,
        label=one.label,
        code=one.join_code,
        theorems=read_theorems(one.theorems),
        learners=one.learner_count,
        created=fields.seconds(one.create_time),
        expires=fields.seconds(one.expire_time),
    )


def read_theorems(theorems: Iterable[classroom_pb2.ClassroomTheorem]) -> tuple[ClassroomTheorem, ...]:
    """Convert the theorems of a classroom as a server sends them."""
    return tuple(
        ClassroomTheorem(one.id, values.theorem_from_proto(one.theorem, _ANY), tuple(one.reference_proofs))
        for one in theorems
    )


def theorem_to_proto(one: ClassroomTheorem) -> classroom_pb2.ClassroomTheorem:
    """Convert a theorem of a teacher."""
    return classroom_pb2.ClassroomTheorem(
        id=one.id, theorem=values.theorem_to_proto(one.theorem), reference_proofs=one.proofs
    )


def work_from_proto(one: classroom_pb2.GetClassworkResponse) -> Classwork:
    """Convert a learner's work."""
    return Classwork(
        one.label, read_theorems(one.theorems), learner_from_proto(one.learner), fields.seconds(one.expire_time)
    )


def learner_from_proto(one: classroom_pb2.Learner) -> JoinedLearner:
    """Convert a learner's progress."""
    joined = fields.seconds(one.join_time)
    return JoinedLearner(one.id, one.display_name, joined, tuple(map(_attempt_from_proto, one.attempts)))


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


def _attempt_from_proto(one: classroom_pb2.Attempt) -> Attempt:
    return Attempt(
        theorem=one.theorem_id,
        proof=one.proof,
        outcome=outcome_from_proto(one.outcome),
        open=one.open_goals,
        goal=one.goal,
        fault=one.fault,
        goal_since=fields.seconds(one.goal_time),
        hints=one.hint_count,
        highest=level_from_proto(one.highest_level),
        begun=fields.seconds(one.begin_time),
        asked=fields.seconds(one.update_time),
        finished=fields.seconds(one.finish_time) if one.HasField("finish_time") else None,
    )
