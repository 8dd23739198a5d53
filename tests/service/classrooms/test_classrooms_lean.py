"""A teacher and learners over gRPC, with a real Lean and a real store behind them."""

import asyncio

import grpc
import pytest

from leansieve.v1 import classroom_pb2 as pb
from leansieve.v1 import hint_pb2
from tests.support.stubs import Stubs

pytestmark = pytest.mark.lean

SWAP, ZERO = "theorem swapped (p q : Prop) (h : p ∧ q) : q ∧ p", "theorem zero (n : Nat) : 0 + n = n"
TEACHERS = "by\n  constructor\n  · exact h.right\n  · exact h.left"
HALF = "by\n  constructor\n  · exact h.right\n  · "


@pytest.fixture
def calls(lean_channel: grpc.aio.Channel) -> Stubs:
    return Stubs(lean_channel)


async def opened(calls: Stubs, *statements: str, proof: str = "", **fields: object) -> pb.Classroom:
    request = pb.CreateClassroomRequest(label="logic", **fields)  # type: ignore[arg-type]
    for number, statement in enumerate(statements):
        theorem = request.theorems.add(id=f"theorem {number}", reference_proofs=[proof] if proof else [])
        theorem.theorem.statement = statement
    return (await calls.CreateClassroom(request)).classroom


async def joined(calls: Stubs, classroom: pb.Classroom, name: str) -> str:
    request = pb.JoinClassroomRequest(join_code=classroom.join_code, display_name=name)
    return (await calls.JoinClassroom(request)).learner_key


async def asked(
    calls: Stubs, key: str, proof: str, theorem: str = "theorem 0", read_only: bool = False
) -> hint_pb2.SuggestHintResponse:
    request = pb.SuggestClassroomHintRequest(learner_key=key, theorem_id=theorem, proof=proof, read_only=read_only)
    return (await calls.SuggestClassroomHint(request)).answer


async def seen(calls: Stubs, classroom: pb.Classroom) -> list[pb.Learner]:
    return list((await calls.ListLearners(pb.ListLearnersRequest(classroom_id=classroom.id))).learners)


async def refusal(call: object) -> tuple[grpc.StatusCode, str]:
    """The code and the sentence that a call ends with."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call  # type: ignore[misc]
    return caught.value.code(), caught.value.details() or ""


async def test_learners_come_on_beside_each_other_and_the_teacher_sees_how_far(calls: Stubs) -> None:
    classroom = await opened(calls, SWAP, ZERO, proof="")
    keys = [await joined(calls, classroom, name) for name in ("Ann", "Bob")]
    ann, bob = keys
    # 1. Each has levels of their own, which the server counts.
    levels = [[(await asked(calls, key, HALF)).hint.level for key in keys] for _ in range(2)]
    assert levels == [[hint_pb2.HINT_LEVEL_QUESTION] * 2, [hint_pb2.HINT_LEVEL_DIRECTION] * 2]
    await asyncio.gather(asked(calls, ann, f"{HALF}exact h.left"), asked(calls, bob, "by\n  exact h.1", read_only=True))
    # 2. The teacher sees who is finished, and who is stuck where.
    first, second = await seen(calls, classroom)
    (done,), (stuck,) = first.attempts, second.attempts
    assert (first.display_name, second.display_name) == ("Ann", "Bob")
    assert (done.outcome, done.hint_count, done.open_goals) == (hint_pb2.HINT_OUTCOME_PROVED, 2, 0)
    assert done.HasField("finish_time")
    assert not stuck.HasField("finish_time")
    assert (stuck.open_goals, stuck.goal.splitlines()[-1]) == (1, "⊢ q ∧ p")
    assert stuck.fault.startswith("line 2: Type mismatch")
    assert (stuck.hint_count, stuck.highest_level) == (2, hint_pb2.HINT_LEVEL_DIRECTION)
    assert stuck.proof == ""
    request = pb.GetLearnerRequest(classroom_id=classroom.id, id=second.id)
    assert (await calls.GetLearner(request)).learner.attempts[0].proof == "by\n  exact h.1"
    # 3. A learner sees what is to be proved, and nothing of the others.
    work = await calls.GetClasswork(pb.GetClassworkRequest(learner_key=bob))
    assert [one.theorem.statement for one in work.theorems] == [SWAP, ZERO]
    assert (work.learner.display_name, work.learner.attempts[0].proof) == ("Bob", "by\n  exact h.1")
    assert b"Ann" not in work.SerializeToString()
    assert classroom.id.encode() not in work.SerializeToString()
    # 4. What is removed is gone, for the learner too.
    await calls.DeleteLearner(pb.DeleteLearnerRequest(classroom_id=classroom.id, id=second.id))
    code, sentence = await refusal(asked(calls, bob, HALF))
    assert (code, sentence[:26]) == (grpc.StatusCode.NOT_FOUND, "no learner has this key: t")
    await calls.LeaveClassroom(pb.LeaveClassroomRequest(learner_key=ann))
    assert await seen(calls, classroom) == []
    await calls.DeleteClassroom(pb.DeleteClassroomRequest(id=classroom.id))
    assert (await refusal(seen(calls, classroom)))[0] is grpc.StatusCode.NOT_FOUND


async def test_hints_follow_the_teachers_proof_which_learners_do_not_see(calls: Stubs) -> None:
    classroom = await opened(calls, SWAP, proof=TEACHERS)
    assert list(classroom.theorems[0].reference_proofs) == [TEACHERS]
    key = await joined(calls, classroom, "Ann")
    work = await calls.GetClasswork(pb.GetClassworkRequest(learner_key=key))
    assert not work.theorems[0].reference_proofs
    answers = [await asked(calls, key, HALF) for _ in range(5)]
    assert "exact h.left" in answers[-1].hint.text


async def test_what_a_teacher_opens_is_read_by_lean_first(calls: Stubs) -> None:
    code, sentence = await refusal(opened(calls, SWAP, "theorem bad (n : Nat) : n = m"))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert sentence.startswith("theorem 'theorem 1': the statement does not elaborate at statement 1:")
    code, sentence = await refusal(opened(calls, SWAP, proof="by\n  exact h"))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert sentence == "theorem 'theorem 0': Lean does not accept this proof: Type mismatch"
    code, sentence = await refusal(opened(calls, *[SWAP] * 33))
    assert sentence == "a classroom has between 1 and 32 theorems, not 33"
    request = pb.CreateClassroomRequest(theorems=2 * [pb.ClassroomTheorem(id="one", theorem={"statement": SWAP})])
    assert (await refusal(calls.CreateClassroom(request)))[1] == "two theorems have the id 'one': ids must differ"
    code, sentence = await refusal(opened(calls, SWAP, ttl={"seconds": 91 * 86_400}))
    assert sentence == "this server keeps classrooms for 90 days at most: request a shorter time"


async def test_bad_input_of_a_learner_is_one_sentence(calls: Stubs) -> None:
    classroom = await opened(calls, SWAP, "theorem wrong (n : Nat) : n < 5")
    key = await joined(calls, classroom, "Ann")
    code, sentence = await refusal(asked(calls, key, "by\n" + "  skip\n" * 4000))
    assert (code, sentence) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "the proof is 28,003 bytes long; at most 16,384 are taken",
    )
    code, sentence = await refusal(asked(calls, key, HALF, "no such"))
    assert sentence == "this classroom has no theorem of that id: GetClasswork lists those it has"
    assert (await refusal(asked(calls, key[:-1], HALF)))[0] is grpc.StatusCode.NOT_FOUND
    for code_sent, name, expected in (
        ("0000-0000-0000-0000", "Eve", grpc.StatusCode.NOT_FOUND),
        (classroom.join_code, "  ", grpc.StatusCode.INVALID_ARGUMENT),
        (classroom.join_code, "x" * 65, grpc.StatusCode.INVALID_ARGUMENT),
        (classroom.join_code, "a\0b", grpc.StatusCode.INVALID_ARGUMENT),
    ):
        request = pb.JoinClassroomRequest(join_code=code_sent, display_name=name)
        assert (await refusal(calls.JoinClassroom(request)))[0] is expected
    false = await asked(calls, key, "by\n  induction n", "theorem 1")
    assert (false.outcome, false.sentence) == (
        hint_pb2.HINT_OUTCOME_THEOREM_FALSE,
        "The theorem is false: it does not hold for `n := 5`.",
    )
    (learner,) = await seen(calls, classroom)
    assert [one.theorem_id for one in learner.attempts] == ["theorem 1"], "what was not taken is not kept"


async def test_a_code_is_read_however_it_is_typed(calls: Stubs) -> None:
    classroom = await opened(calls, SWAP)
    assert len(classroom.join_code) == len("AAAA-BBBB-CCCC-DDDD")
    typed = f" {classroom.join_code.lower().replace('-', ' ')}\n"
    request = pb.JoinClassroomRequest(join_code=typed, display_name="Ann")
    assert (await calls.JoinClassroom(request)).learner_key.startswith("lsl_")
