"""Classrooms in a database: opens them, admits learners by code, and stores their progress."""

import asyncio
import hashlib
import re
import secrets
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, Self, TypeVar

import structlog
from pydantic import TypeAdapter

from prover.candidate import Candidate
from prover.concurrency.tasks import ended
from prover.errors import InputError
from prover.options import CheckOptions
from prover.requests import Check, RefusedError, Service, StatementError, UnavailableError
from prover.store.errors import StoreError
from prover.store.records.classrooms import (
    ClassroomStore,
    NoRoomError,
    ProofResult,
    SentProof,
    StoredAttempt,
    StoredClassroom,
    StoredLearner,
)
from prover.tutor.hints import GivenHint, HintOutcome, Level, Tutored, Tutoring
from service.classrooms.classroom import Attempt, Classroom, ClassroomTheorem, JoinedLearner, NoClassroomError
from service.ops.config import ClassroomSettings

_log = structlog.get_logger(__name__)

T = TypeVar("T")

KEY_PREFIX = "lsl_"
"""Prefix of learners' keys, for scanners that look for leaked ones."""
_TIDY_SECONDS = 3600.0
_DAY = 86_400.0
_MOST_SHOWN = 400  # characters of a goal or error shown in the teacher's list
_THEOREMS = TypeAdapter(tuple[ClassroomTheorem, ...])


class Classrooms:
    """The classrooms in a database. Use it as an async context manager, which deletes ended classrooms.

    Every method raises UnavailableError if the database cannot be used.
    """

    def __init__(
        self,
        service: Service,
        store: ClassroomStore,
        settings: ClassroomSettings,
        may: Callable[[str], bool] = lambda _owner: True,
    ) -> None:
        """Use `service` for hints; `may` returns whether an owner's classrooms are open to learners."""
        self._service = service
        self._store = store
        self._settings = settings
        self._may = may
        self._tidying: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        """Start to delete ended classrooms once an hour."""
        self._tidying = [asyncio.create_task(self._tidy())]
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """Stop deleting."""
        await ended(self._tidying)

    async def open(
        self,
        label: str,
        theorems: tuple[ClassroomTheorem, ...],
        owner: str,
        check: CheckOptions,
        seconds: float | None = None,
    ) -> Classroom:
        """Open a classroom for a number of seconds, or the maximum of the settings.

        Raises:
            InputError: Lean rejects a theorem or a reference proof, there are too many, or two have the same id.
            RefusedError: the maximum number of classrooms is reached.
        """
        settings = self._settings
        longest = settings.keep_days * _DAY
        if seconds is not None and seconds > longest:
            text = f"this server keeps classrooms for {settings.keep_days:g} days at most: request a shorter time"
            raise InputError("ttl", text)
        if not 0 < len(theorems) <= settings.theorems:
            text = f"a classroom has between 1 and {settings.theorems} theorems, not {len(theorems)}"
            raise InputError("theorems", text)
        ids = [one.id for one in theorems]
        if twice := next((name for name in ids if ids.count(name) > 1), None):
            raise InputError("theorems.id", f"two theorems have the id {twice!r}: ids must differ")
        stored = _THEOREMS.dump_json(theorems).decode()
        if len(stored) > settings.theorem_bytes:
            text = f"the theorems take {len(stored):,} bytes; at most {settings.theorem_bytes:,} are taken"
            raise InputError("theorems", text)
        for number, one in enumerate(theorems):
            await self._check(number, one, check)
        try:
            lasting = longest if seconds is None else seconds
            opening = self._store.open(owner, label, stored, lasting, settings.most, settings.most_each)
            return _classroom(await self._stored(opening))
        except NoRoomError as error:
            raise RefusedError(f"{error}: delete one of them first") from None

    async def find(self, classroom: str, owner: str | None) -> Classroom:
        """Return a classroom of an owner; owner None: of any. Raises NoClassroomError."""
        return _classroom(await self._find(classroom, owner))

    async def page(self, most: int, after: str, owner: str | None) -> list[Classroom]:
        """Return at most `most` classrooms created before the classroom `after`, newest first.

        Raises NoClassroomError.
        """
        before = await self._find(after, owner) if after else None
        return [_classroom(one) for one in await self._stored(self._store.page(most, before, owner))]

    async def delete(self, classroom: str, owner: str | None) -> None:
        """Delete a classroom with its learners and their work. Raises NoClassroomError."""
        await self._find(classroom, owner)
        await self._stored(self._store.delete(classroom))

    async def learners(self, classroom: str, most: int, after: str, owner: str | None) -> list[JoinedLearner]:
        """Return at most `most` learners who joined after the learner `after`, without proofs.

        Raises NoClassroomError.
        """
        await self._find(classroom, owner)
        last = await self._learner(classroom, after) if after else None
        return [_learner(one) for one in await self._stored(self._store.learners(classroom, most, last))]

    async def learner(self, classroom: str, learner: str, owner: str | None) -> JoinedLearner:
        """Return a learner with all attempts. Raises NoClassroomError."""
        await self._find(classroom, owner)
        return _learner(await self._learner(classroom, learner))

    async def remove(self, classroom: str, learner: str, owner: str | None) -> None:
        """Delete a learner with all their work. Raises NoClassroomError."""
        await self._find(classroom, owner)
        await self._stored(self._store.remove((await self._learner(classroom, learner)).id))

    async def join(self, code: str, name: str) -> str:
        """Add a learner; returns the learner's secret key, which is not stored.

        Raises:
            NoClassroomError: no classroom has this code.
            RefusedError: the classroom is full.
            InputError: the name is blank.
        """
        if not any(char.isprintable() and char != " " for char in name):
            raise InputError("display_name", "the name is blank: your teacher has to know who you are")
        key = KEY_PREFIX + secrets.token_urlsafe(32)
        read = re.sub(r"[\s-]", "", code).upper()
        try:
            joining = self._store.join(read, _digest(key), name.strip(), self._settings.learners)
            learner = await self._stored(joining)
        except NoRoomError as error:
            raise RefusedError(f"{error}: ask your teacher") from None
        if learner is None:
            raise NoClassroomError("no classroom has this code: ask your teacher for it again")
        return key

    async def work(self, key: str) -> tuple[JoinedLearner, Classroom]:
        """Return a learner with all attempts, and the classroom. Raises NoClassroomError."""
        learner, classroom = await self._of_key(key)
        return _learner(learner), _classroom(classroom)

    async def hint(self, key: str, theorem: str, asked: Callable[[ClassroomTheorem], Tutoring]) -> Tutored:
        """Store a learner's proof and answer it as `Service.hint` does, with knowledge of earlier hints.

        Args:
            key: the learner's key.
            theorem: id of a theorem of the classroom.
            asked: the request about the theorem.

        Raises:
            NoClassroomError: there is no such learner.
            InputError: the classroom has no such theorem, or the proof is too long.
            RefusedError: the teacher has lost access to this server.
        """
        learner, classroom = await self._of_key(key)
        if not self._may(classroom.owner):
            raise RefusedError("this classroom is closed: its teacher no longer has a valid token")
        about = next((one for one in _classroom(classroom).theorems if one.id == theorem), None)
        if about is None:
            raise InputError("theorem_id", "this classroom has no theorem of that id: GetClasswork lists those it has")
        question = asked(about)
        if (size := len(question.proof.encode())) > self._settings.proof_bytes:
            text = f"the proof is {size:,} bytes long; at most {self._settings.proof_bytes:,} are taken"
            raise InputError("proof", text)
        turn = await self._stored(self._store.begin(learner.id, about.id, question.proof))
        if turn is None:
            raise NoClassroomError(_NO_LEARNER)
        earlier = tuple(GivenHint(Level(level), step) for level, step in turn.hints)
        found = await self._service.hint(replace(question, earlier=earlier, proofs=about.proofs))
        await self._settle(turn, found)
        return found

    async def leave(self, key: str) -> None:
        """Delete a learner with all their work. Raises NoClassroomError."""
        learner, _ = await self._of_key(key)
        await self._stored(self._store.remove(learner.id))

    async def _settle(self, turn: SentProof, found: Tutored) -> None:
        """Store the result of a submission; the learner gets the answer even if the database is unavailable
        meanwhile.
        """
        goal = found.goals[0] if found.goals else ""
        hint = None if found.hint is None else (found.hint.level.value, found.hint.step)
        proved = found.outcome is HintOutcome.PROVED
        fault = ""
        if found.refused is not None:
            fault = f"line {found.refused.line}: {found.refused.reason.partition(chr(10))[0]}"
        shown = goal[:_MOST_SHOWN], fault[:_MOST_SHOWN]
        try:
            settled = await self._store.settle(turn, ProofResult(found.outcome.value, found.open, *shown, proved, hint))
        except StoreError as error:
            _log.warning("the answer to a learner cannot be stored", error=str(error))
            return
        if not settled:
            raise NoClassroomError(_NO_LEARNER)

    async def _check(self, number: int, one: ClassroomTheorem, check: CheckOptions) -> None:
        """Raise InputError unless Lean accepts a theorem and its reference proofs."""
        field = f"theorems[{number}]"
        try:
            seconds = check.limits.seconds
            await self._service.hint(Tutoring(one.theorem, wanted=False, seconds=seconds, check=check))
            for at, proof in enumerate(one.proofs):
                verdict = await self._service.check(Check(one.theorem, Candidate(proof), check))
                if not verdict.verified:
                    said = next((each.text for each in verdict.messages if each.severity == "error"), "")
                    reason = said.partition("\n")[0] or verdict.kind.name.lower().replace("_", " ")
                    text = f"theorem {one.id!r}: Lean does not accept this proof: {reason}"
                    raise InputError(f"{field}.reference_proofs[{at}]", text)
        except StatementError as error:
            raise InputError(f"{field}.theorem.statement", f"theorem {one.id!r}: {error}") from None

    async def _find(self, classroom: str, owner: str | None) -> StoredClassroom:
        found = await self._stored(self._store.find(classroom))
        if found is None or (owner is not None and found.owner != owner):
            raise NoClassroomError(f"there is no classroom {classroom}")
        return found

    async def _learner(self, classroom: str, learner: str) -> StoredLearner:
        found = await self._stored(self._store.learner(classroom, learner))
        if found is None:
            raise NoClassroomError(f"there is no learner {learner} in this classroom")
        return found

    async def _of_key(self, key: str) -> tuple[StoredLearner, StoredClassroom]:
        found = await self._stored(self._store.of_key(_digest(key)))
        if found is None:
            raise NoClassroomError(_NO_LEARNER)
        return found

    async def _stored(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            return await work
        except StoreError as error:
            raise UnavailableError(str(error), 10.0) from None

    async def _tidy(self) -> None:
        while True:
            try:
                await self._store.trim()
            except StoreError as error:
                _log.warning("classrooms that have ended cannot be deleted", error=str(error))
            await asyncio.sleep(_TIDY_SECONDS)


_NO_LEARNER = "no learner has this key: the classroom may have ended, or the learner was removed"


def _digest(key: str) -> str:
    """Return the stored hash of a key. A key has 256 random bits, so a slow hash is not needed."""
    return hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()


def _classroom(one: StoredClassroom) -> Classroom:
    theorems = _THEOREMS.validate_json(one.theorems)
    return Classroom(one.id, one.label, one.code, theorems, one.learners, one.created, one.expires)


def _learner(one: StoredLearner) -> JoinedLearner:
    return JoinedLearner(one.id, one.name, one.joined, tuple(map(_attempt, one.attempts)))


def _attempt(one: StoredAttempt) -> Attempt:
    last = one.hints[-1][1] if one.hints else ""
    levels = [Level(level) for level, step in one.hints if step == last]
    return Attempt(
        one.theorem,
        one.proof,
        HintOutcome(one.outcome) if one.outcome else None,
        one.open_goals,
        one.goal,
        one.fault,
        one.moved,
        one.hint_count,
        max(levels, key=list(Level).index) if levels else None,
        one.begun,
        one.asked,
        one.finished,
    )
