"""`ClassroomService`: learners of one teacher, with individual hints."""

import asyncio

from leansieve.v1 import classroom_pb2
from prover.lean.workers.jobs import Priority
from prover.requests import RefusedError
from prover.source.typed import take
from prover.tutor.hints import Tutoring
from service.auth.identity import CALLER
from service.classrooms.classroom import ClassroomTheorem
from service.classrooms.classrooms import Classrooms
from service.contract import fields
from service.contract.fields import validate
from service.contract.messages import classroom as messages
from service.contract.messages import hint as hint_messages
from service.core.limits.admission import Room, admit_seconds, bounds
from service.core.limits.text import take_name
from service.handlers.batch import owner
from service.handlers.calls import Call, Calls
from service.ops.config import Settings

_PAGE, _LEARNERS = 100, 25
_LONGEST = 1024  # bytes of a label or name, whose characters the contract limits


class ClassroomHandlers:
    """Handles requests of teachers and learners with `Classrooms`."""

    def __init__(self, classrooms: Classrooms | None, settings: Settings, calls: Calls, searches: Room) -> None:
        """Create handlers; hints use places of `searches`; without `classrooms`, all calls are refused."""
        self._classrooms = classrooms
        self._settings = settings
        self._check = bounds(settings)[0].options().check
        self._calls = calls
        self._searches = searches

    async def create_classroom(
        self, request: classroom_pb2.CreateClassroomRequest, call: Call
    ) -> classroom_pb2.CreateClassroomResponse:
        """Open a classroom."""
        async with self._calls.answering(call):
            validate(request)
            offered = self._offered()
            label = take_name("label", request.label, _LONGEST)
            # Takes seconds for the largest; other requests proceed meanwhile.
            reading = asyncio.to_thread(messages.theorems_from_proto, request.theorems, self._settings.text)
            theorems = await reading
            seconds = fields.seconds(request.ttl) if request.HasField("ttl") else None
            async with self._searches.acquire(Priority.INTERACTIVE):
                opened = await offered.open(label, theorems, CALLER.get().name, self._check, seconds)
            call.remarks["theorems"] = len(theorems)
            return classroom_pb2.CreateClassroomResponse(classroom=messages.classroom_to_proto(opened))

    async def get_classroom(
        self, request: classroom_pb2.GetClassroomRequest, call: Call
    ) -> classroom_pb2.GetClassroomResponse:
        """Return a classroom."""
        async with self._calls.answering(call, quiet=True):
            validate(request)
            found = await self._offered().find(request.id, owner())
            return classroom_pb2.GetClassroomResponse(classroom=messages.classroom_to_proto(found))

    async def list_classrooms(
        self, request: classroom_pb2.ListClassroomsRequest, call: Call
    ) -> classroom_pb2.ListClassroomsResponse:
        """List the caller's classrooms."""
        async with self._calls.answering(call, quiet=True):
            validate(request)
            offered = self._offered()
            if CALLER.get().name.startswith("peer:"):
                raise RefusedError(
                    "this server does not tell callers apart, so it lists no classrooms: name yours by the id that you were told"
                )
            most = request.page_size if request.HasField("page_size") else _PAGE
            found = await offered.page(most + 1, request.page_token, owner())
            return classroom_pb2.ListClassroomsResponse(
                classrooms=[messages.classroom_to_proto(one, theorems=False) for one in found[:most]],
                next_page_token=found[most - 1].id if len(found) > most else "",
            )

    async def delete_classroom(
        self, request: classroom_pb2.DeleteClassroomRequest, call: Call
    ) -> classroom_pb2.DeleteClassroomResponse:
        """Delete a classroom with its learners and their work."""
        async with self._calls.answering(call):
            validate(request)
            await self._offered().delete(request.id, owner())
            return classroom_pb2.DeleteClassroomResponse()

    async def list_learners(
        self, request: classroom_pb2.ListLearnersRequest, call: Call
    ) -> classroom_pb2.ListLearnersResponse:
        """Return the progress of a classroom's learners."""
        async with self._calls.answering(call, quiet=True):
            validate(request)
            most = request.page_size if request.HasField("page_size") else _LEARNERS
            found = await self._offered().learners(request.classroom_id, most + 1, request.page_token, owner())
            return classroom_pb2.ListLearnersResponse(
                learners=[messages.learner_to_proto(one) for one in found[:most]],
                next_page_token=found[most - 1].id if len(found) > most else "",
            )

    async def get_learner(
        self, request: classroom_pb2.GetLearnerRequest, call: Call
    ) -> classroom_pb2.GetLearnerResponse:
        """Return a learner's progress and work."""
        async with self._calls.answering(call, quiet=True):
            validate(request)
            found = await self._offered().learner(request.classroom_id, request.id, owner())
            return classroom_pb2.GetLearnerResponse(learner=messages.learner_to_proto(found))

    async def delete_learner(
        self, request: classroom_pb2.DeleteLearnerRequest, call: Call
    ) -> classroom_pb2.DeleteLearnerResponse:
        """Delete a learner with all their work."""
        async with self._calls.answering(call):
            validate(request)
            await self._offered().remove(request.classroom_id, request.id, owner())
            return classroom_pb2.DeleteLearnerResponse()

    async def join_classroom(
        self, request: classroom_pb2.JoinClassroomRequest, call: Call
    ) -> classroom_pb2.JoinClassroomResponse:
        """Join a classroom as a learner."""
        async with self._calls.answering(call):
            validate(request)
            name = take_name("display_name", request.display_name, _LONGEST)
            key = await self._offered().join(take("join_code", request.join_code, _LONGEST), name)
            return classroom_pb2.JoinClassroomResponse(learner_key=key)

    async def get_classwork(
        self, request: classroom_pb2.GetClassworkRequest, call: Call
    ) -> classroom_pb2.GetClassworkResponse:
        """Return a learner's theorems and attempts."""
        async with self._calls.answering(call, quiet=True):
            validate(request)
            learner, classroom = await self._offered().work(request.learner_key)
            return classroom_pb2.GetClassworkResponse(
                label=classroom.label,
                theorems=messages.theorems_to_proto(classroom, proofs=False),
                learner=messages.learner_to_proto(learner),
                expire_time=fields.timestamp(classroom.expires),
            )

    async def suggest_classroom_hint(
        self, request: classroom_pb2.SuggestClassroomHintRequest, call: Call
    ) -> classroom_pb2.SuggestClassroomHintResponse:
        """Store a learner's proof, report how far it holds, and give one more hint."""
        async with self._calls.answering(call):
            validate(request)
            offered, settings = self._offered(), self._settings.search
            proof = take("proof", request.proof, self._settings.text.candidate)
            seconds = fields.seconds(request.timeout) if request.HasField("timeout") else settings.suggestion_seconds
            admit_seconds("timeout", seconds, settings.maximum_suggestion_seconds)

            def asked(about: ClassroomTheorem) -> Tutoring:
                call.remarks["theorem"] = about.theorem.digest
                left = min(seconds, call.seconds_left)
                return Tutoring(about.theorem, proof, wanted=not request.read_only, seconds=left, check=self._check)

            async with self._searches.acquire(Priority.INTERACTIVE):
                found = await offered.hint(request.learner_key, request.theorem_id, asked)
            call.remarks.update(outcome=found.outcome.value, revisions=found.revisions)
            answer = hint_messages.response_to_proto(found, call.log_id)
            return classroom_pb2.SuggestClassroomHintResponse(answer=answer)

    async def leave_classroom(
        self, request: classroom_pb2.LeaveClassroomRequest, call: Call
    ) -> classroom_pb2.LeaveClassroomResponse:
        """Delete the calling learner with all their work."""
        async with self._calls.answering(call):
            validate(request)
            await self._offered().leave(request.learner_key)
            return classroom_pb2.LeaveClassroomResponse()

    def _offered(self) -> Classrooms:
        if self._classrooms is None:
            raise RefusedError("this server keeps no classrooms: set store.url and start it again")
        return self._classrooms
