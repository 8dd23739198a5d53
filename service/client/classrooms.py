"""Classrooms of a running server, for teachers and learners."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractContextManager

import grpc

from leansieve.v1 import classroom_pb2
from leansieve.v1.classroom_pb2_grpc import ClassroomServiceStub
from prover.tutor.hints import Tutored
from service.classrooms.classroom import Classroom, ClassroomTheorem, Classwork, JoinedLearner
from service.contract import fields
from service.contract.messages import classroom as messages
from service.contract.messages import hint as hint_messages

_SLACK_SECONDS = 600.0  # a server limits each call itself; this deadline is for servers that have disappeared


class ClassroomClient:
    """The calls of `ClassroomService`. Each raises the same errors as its counterpart in `Classrooms`."""

    def __init__(self, channel: grpc.aio.Channel, errors: Callable[[], AbstractContextManager[None]]) -> None:
        """Call over `channel`; `errors` converts errors of gRPC to those of the server."""
        self._calls = ClassroomServiceStub(channel)
        self._errors = errors

    async def open(self, label: str, theorems: Sequence[ClassroomTheorem], seconds: float | None = None) -> Classroom:
        """See `Classrooms.open`."""
        with self._errors():
            request = classroom_pb2.CreateClassroomRequest(
                label=label, theorems=[messages.theorem_to_proto(one) for one in theorems]
            )
            if seconds is not None:
                request.ttl.CopyFrom(fields.duration(seconds))
            response = await self._calls.CreateClassroom(request, timeout=_SLACK_SECONDS)
        return messages.classroom_from_proto(response.classroom)

    async def find(self, classroom: str) -> Classroom:
        """See `Classrooms.find`."""
        with self._errors():
            request = classroom_pb2.GetClassroomRequest(id=classroom)
            response = await self._calls.GetClassroom(request, timeout=_SLACK_SECONDS)
        return messages.classroom_from_proto(response.classroom)

    async def every(self) -> AsyncGenerator[Classroom, None]:
        """Yield all classrooms of the caller, newest first, without their theorems."""
        token = ""
        while True:
            with self._errors():
                request = classroom_pb2.ListClassroomsRequest(page_token=token)
                response = await self._calls.ListClassrooms(request, timeout=_SLACK_SECONDS)
            for classroom in response.classrooms:
                yield messages.classroom_from_proto(classroom)
            if not (token := response.next_page_token):
                return

    async def delete(self, classroom: str) -> None:
        """See `Classrooms.delete`."""
        with self._errors():
            request = classroom_pb2.DeleteClassroomRequest(id=classroom)
            await self._calls.DeleteClassroom(request, timeout=_SLACK_SECONDS)

    async def learners(self, classroom: str) -> AsyncGenerator[JoinedLearner, None]:
        """Yield all learners of a classroom in the order of joining, without their proofs."""
        token = ""
        while True:
            with self._errors():
                request = classroom_pb2.ListLearnersRequest(classroom_id=classroom, page_token=token)
                response = await self._calls.ListLearners(request, timeout=_SLACK_SECONDS)
            for learner in response.learners:
                yield messages.learner_from_proto(learner)
            if not (token := response.next_page_token):
                return

    async def learner(self, classroom: str, learner: str) -> JoinedLearner:
        """See `Classrooms.learner`."""
        with self._errors():
            request = classroom_pb2.GetLearnerRequest(classroom_id=classroom, id=learner)
            response = await self._calls.GetLearner(request, timeout=_SLACK_SECONDS)
        return messages.learner_from_proto(response.learner)

    async def remove(self, classroom: str, learner: str) -> None:
        """See `Classrooms.remove`."""
        with self._errors():
            request = classroom_pb2.DeleteLearnerRequest(classroom_id=classroom, id=learner)
            await self._calls.DeleteLearner(request, timeout=_SLACK_SECONDS)

    async def join(self, code: str, name: str) -> str:
        """See `Classrooms.join`."""
        with self._errors():
            request = classroom_pb2.JoinClassroomRequest(join_code=code, display_name=name)
            response = await self._calls.JoinClassroom(request, timeout=_SLACK_SECONDS)
        return response.learner_key

    async def work(self, key: str) -> Classwork:
        """Return the theorems and the work of a learner."""
        with self._errors():
            request = classroom_pb2.GetClassworkRequest(learner_key=key)
            response = await self._calls.GetClasswork(request, timeout=_SLACK_SECONDS)
        return messages.work_from_proto(response)

    async def hint(
        self, key: str, theorem: str, proof: str, wanted: bool = True, seconds: float | None = None
    ) -> Tutored:
        """Store a learner's proof and return how far it holds, with one more hint if `wanted`."""
        with self._errors():
            request = classroom_pb2.SuggestClassroomHintRequest(
                learner_key=key, theorem_id=theorem, proof=proof, read_only=not wanted
            )
            if seconds is not None:
                request.timeout.CopyFrom(fields.duration(seconds))
            response = await self._calls.SuggestClassroomHint(request, timeout=(seconds or 0.0) + _SLACK_SECONDS)
        return hint_messages.response_from_proto(response.answer)

    async def leave(self, key: str) -> None:
        """See `Classrooms.leave`."""
        with self._errors():
            request = classroom_pb2.LeaveClassroomRequest(learner_key=key)
            await self._calls.LeaveClassroom(request, timeout=_SLACK_SECONDS)
