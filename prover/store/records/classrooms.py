"""Classrooms: theorems that a teacher opens to learners, the learners, and their progress.

Data are stored only for classrooms that a teacher has opened. A classroom is deleted with all its learners' work on
request or at its end; after its end it is not found, even if its rows still exist.
"""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, delete, func, insert, select, tuple_, update
from sqlalchemy.exc import IntegrityError

from prover.store.database import Database
from prover.store.tables import AttemptRow, ClassroomRow, LearnerRow

_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # without letters that are easily confused
_CODE_LETTERS = 16  # of 5 bits each
_MOST_HINTS = 256


class NoRoomError(RuntimeError):
    """The maximum number of classrooms, or of learners in one, is reached."""


@dataclass(frozen=True, slots=True)
class StoredClassroom:
    """A classroom. `theorems` is opaque to the store; times are seconds since the epoch."""

    id: str
    owner: str
    code: str
    label: str
    theorems: str
    created: float
    expires: float
    learners: int


@dataclass(frozen=True, slots=True)
class StoredAttempt:
    """A learner's attempt at a theorem: see `AttemptRow`. `hints` are pairs of level and step."""

    theorem: str
    proof: str
    outcome: str
    open_goals: int
    goal: str
    fault: str
    hints: tuple[tuple[str, str], ...]
    hint_count: int
    begun: float
    asked: float
    moved: float
    finished: float | None


@dataclass(frozen=True, slots=True)
class StoredLearner:
    """A learner with all attempts."""

    id: str
    classroom: str
    name: str
    joined: float
    attempts: tuple[StoredAttempt, ...] = ()


@dataclass(frozen=True, slots=True)
class SentProof:
    """A submitted proof without an answer yet, and earlier hints for its theorem."""

    attempt: int
    number: int
    hints: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ProofResult:
    """A learner's progress after an answer. `hint`: level and step of the answer's hint."""

    outcome: str
    open_goals: int
    goal: str
    fault: str
    finished: bool
    hint: tuple[str, str] | None = None


class ClassroomStore:
    """The classrooms of one database. Every method raises StoreError if the database cannot be used."""

    def __init__(self, database: Database) -> None:
        """Create the store; any number of servers may share its database."""
        self._database = database

    async def open(
        self, owner: str, label: str, theorems: str, seconds: float, most: int, most_each: int
    ) -> StoredClassroom:
        """Open a classroom for a number of seconds.

        Raises:
            NoRoomError: the limit `most`, or `most_each` for this owner, would be exceeded.
        """

        def work(connection: Connection) -> StoredClassroom:
            now = self._database.now(connection)
            connection.execute(delete(ClassroomRow).where(ClassroomRow.expires <= now))
            for bound, whose in ((most, ()), (most_each, (ClassroomRow.owner == owner,))):
                existing = connection.scalar(select(func.count()).select_from(ClassroomRow).where(*whose)) or 0
                if existing >= bound:
                    raise NoRoomError(f"there are {existing} classrooms already{' of this client' if whose else ''}")
            code = "".join(secrets.choice(_LETTERS) for _ in range(_CODE_LETTERS))
            row = StoredClassroom(secrets.token_hex(16), owner, code, label, theorems, now, now + seconds, 0)
            values = {name: getattr(row, name) for name in ClassroomRow.__table__.columns.keys()}  # noqa: SIM118
            connection.execute(insert(ClassroomRow).values(values))
            return row

        return await self._database.write(work)

    async def find(self, classroom: str) -> StoredClassroom | None:
        """Return a classroom by its id; None if there is none or it has ended."""
        return await self._database.read(lambda c: self._one(c, ClassroomRow.id == classroom))

    async def page(self, most: int, before: StoredClassroom | None, owner: str | None) -> list[StoredClassroom]:
        """Return at most `most` classrooms of an owner created before `before`, newest first.

        Owner None: of every owner.
        """

        def work(connection: Connection) -> list[StoredClassroom]:
            query = (
                self._open_classrooms(connection)
                .order_by(ClassroomRow.created.desc(), ClassroomRow.id.desc())
                .limit(most)
            )
            if owner is not None:
                query = query.where(ClassroomRow.owner == owner)
            if before is not None:
                older = tuple_(ClassroomRow.created, ClassroomRow.id) < (before.created, before.id)
                query = query.where(older)
            return [StoredClassroom(*row) for row in connection.execute(query)]

        return await self._database.read(work)

    async def delete(self, classroom: str) -> None:
        """Delete a classroom with its learners and their work."""
        await self._database.write(lambda c: c.execute(delete(ClassroomRow).where(ClassroomRow.id == classroom)))

    async def join(self, code: str, key: str, name: str, most: int) -> StoredLearner | None:
        """Add a learner who is identified by the hash `key`; None if no classroom has this code.

        Raises:
            NoRoomError: the classroom has `most` learners already.
        """

        def work(connection: Connection) -> StoredLearner | None:
            classroom = self._one(connection, ClassroomRow.code == code)
            if classroom is None:
                return None
            # PostgreSQL: serialises two learners who join at the same time, so that the count is right.
            connection.execute(select(ClassroomRow.id).where(ClassroomRow.id == classroom.id).with_for_update())
            count = select(func.count()).select_from(LearnerRow).where(LearnerRow.classroom == classroom.id)
            if (connection.scalar(count) or 0) >= most:
                raise NoRoomError(f"this classroom has {most} learners already")
            one = StoredLearner(secrets.token_hex(8), classroom.id, name, self._database.now(connection))
            values = {"id": one.id, "classroom": classroom.id, "key": key, "name": name, "joined": one.joined}
            connection.execute(insert(LearnerRow).values(values))
            return one

        return await self._database.write(work)

    async def of_key(self, key: str) -> tuple[StoredLearner, StoredClassroom] | None:
        """Return the learner whose key has this hash, with all attempts, and the classroom."""

        def work(connection: Connection) -> tuple[StoredLearner, StoredClassroom] | None:
            found = _learners(connection, LearnerRow.key == key)
            classroom = self._one(connection, ClassroomRow.id == found[0].classroom) if found else None
            return None if classroom is None else (found[0], classroom)

        return await self._database.read(work)

    async def learner(self, classroom: str, learner: str) -> StoredLearner | None:
        """Return a learner of a classroom, with all attempts."""
        found = await self._database.read(
            lambda c: _learners(c, LearnerRow.classroom == classroom, LearnerRow.id == learner)
        )
        return found[0] if found else None

    async def learners(self, classroom: str, most: int, after: StoredLearner | None = None) -> list[StoredLearner]:
        """Return at most `most` learners after `after`, in the order in which they joined, without their proofs."""
        conditions = [LearnerRow.classroom == classroom]
        if after is not None:
            conditions.append(tuple_(LearnerRow.joined, LearnerRow.id) > (after.joined, after.id))
        return await self._database.read(lambda c: _learners(c, *conditions, most=most, proofs=False))

    async def remove(self, learner: str) -> None:
        """Delete a learner with all their work."""
        await self._database.write(lambda c: c.execute(delete(LearnerRow).where(LearnerRow.id == learner)))

    async def begin(self, learner: str, theorem: str, proof: str) -> SentProof | None:
        """Store a submitted proof; None if the learner no longer exists."""

        def work(connection: Connection) -> SentProof:
            now = self._database.now(connection)
            fresh = {"learner": learner, "theorem": theorem, "proof": "", "turn": 0, "outcome": "", "open_goals": 0}
            fresh |= {"goal": "", "fault": "", "hints": "[]", "hint_count": 0, "begun": now, "asked": now, "moved": now}
            connection.execute(self._database.insert(AttemptRow).values(fresh).on_conflict_do_nothing())
            attempts = (AttemptRow.learner == learner, AttemptRow.theorem == theorem)
            values = {"proof": proof, "turn": AttemptRow.turn + 1, "asked": now}
            columns = (AttemptRow.id, AttemptRow.turn, AttemptRow.hints)
            row = connection.execute(update(AttemptRow).where(*attempts).values(values).returning(*columns)).one()
            return SentProof(row.id, row.turn, _pairs(row.hints))

        try:
            return await self._database.write(work)
        except IntegrityError:
            return None

    async def settle(self, turn: SentProof, result: ProofResult) -> bool:
        """Store the result of a submission; returns whether it still exists.

        A hint counts even if a later proof was submitted.
        """

        def work(connection: Connection) -> bool:
            columns = (AttemptRow.turn, AttemptRow.hints, AttemptRow.hint_count, AttemptRow.goal, AttemptRow.finished)
            attempts = AttemptRow.id == turn.attempt
            row = connection.execute(select(*columns).where(attempts).with_for_update()).first()
            if row is None:
                return False
            values: dict[str, Any] = {}
            hints = _pairs(row.hints)
            if result.hint is not None and result.hint not in hints:
                values["hints"] = json.dumps([*hints, result.hint][-_MOST_HINTS:])
                values["hint_count"] = row.hint_count + 1
            now = self._database.now(connection)
            if row.turn == turn.number:
                names = ("outcome", "open_goals", "goal", "fault")
                values |= {name: getattr(result, name) for name in names}
                if result.goal != row.goal:
                    values["moved"] = now
            if result.finished and row.finished is None:
                values["finished"] = now
            if values:
                connection.execute(update(AttemptRow).where(attempts).values(values))
            return True

        return await self._database.write(work)

    async def trim(self) -> int:
        """See `trim`."""
        return await self._database.write(lambda c: trim(self._database, c))

    def _one(self, connection: Connection, condition: ColumnElement[bool]) -> StoredClassroom | None:
        row = connection.execute(self._open_classrooms(connection).where(condition)).first()
        return None if row is None else StoredClassroom(*row)

    def _open_classrooms(self, connection: Connection) -> Select[Any]:
        """Select the columns of `StoredClassroom`, for classrooms that have not ended."""
        count = select(func.count()).select_from(LearnerRow).where(LearnerRow.classroom == ClassroomRow.id)
        columns = (ClassroomRow.id, ClassroomRow.owner, ClassroomRow.code, ClassroomRow.label, ClassroomRow.theorems)
        times = (ClassroomRow.created, ClassroomRow.expires)
        now = self._database.now(connection)
        return select(*columns, *times, count.scalar_subquery()).where(ClassroomRow.expires > now)


def trim(database: Database, connection: Connection) -> int:
    """Delete classrooms that have ended, with their learners; returns their number."""
    return connection.execute(delete(ClassroomRow).where(ClassroomRow.expires <= database.now(connection))).rowcount


def _learners(
    connection: Connection, *conditions: ColumnElement[bool], most: int = 1, proofs: bool = True
) -> list[StoredLearner]:
    columns = (LearnerRow.id, LearnerRow.classroom, LearnerRow.name, LearnerRow.joined)
    query = select(*columns).where(*conditions).order_by(LearnerRow.joined, LearnerRow.id).limit(most)
    found = [StoredLearner(*row) for row in connection.execute(query)]
    attempts: dict[str, list[StoredAttempt]] = {one.id: [] for one in found}
    names = [name for name in StoredAttempt.__slots__ if proofs or name != "proof"]
    rows = select(AttemptRow.learner, *(getattr(AttemptRow, name) for name in names))
    for row in connection.execute(rows.where(AttemptRow.learner.in_(attempts)).order_by(AttemptRow.id)):
        values = {"proof": "", **{name: getattr(row, name) for name in names}}
        attempts[row.learner].append(StoredAttempt(**values | {"hints": _pairs(row.hints)}))
    return [StoredLearner(one.id, one.classroom, one.name, one.joined, tuple(attempts[one.id])) for one in found]


def _pairs(text: str) -> tuple[tuple[str, str], ...]:
    stored: Sequence[Sequence[str]] = json.loads(text)
    return tuple((level, step) for level, step in stored)
