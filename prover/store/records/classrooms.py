"""Classrooms: theorems that a teacher opens to learners, who has joined, and how far each has come.

Nothing is here that no teacher has opened on purpose. A classroom goes with all that its learners wrote when it is deleted,
or at its end; from its end on it is found no more, whether or not its rows are deleted yet.
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

_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # none that is taken for another
_CODE_LETTERS = 16  # of 5 bits each
_MOST_HINTS = 256


class NoRoomError(RuntimeError):
    """There are as many classrooms, or learners of one, as there may be."""


@dataclass(frozen=True, slots=True)
class StoredClassroom:
    """A classroom. `theorems` is a text that the store does not look into; times are seconds since the epoch."""

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
    """What a learner has written of a theorem: see `AttemptRow`. `hints` are pairs of levels and steps."""

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
    """One who has joined, with what was begun."""

    id: str
    classroom: str
    name: str
    joined: float
    attempts: tuple[StoredAttempt, ...] = ()


@dataclass(frozen=True, slots=True)
class SentProof:
    """A proof that was sent and is not answered yet; the hints that were given for its theorem before."""

    attempt: int
    number: int
    hints: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ProofResult:
    """How far a learner has come by an answer. `hint`: the level and step of the hint in it."""

    outcome: str
    open_goals: int
    goal: str
    fault: str
    finished: bool
    hint: tuple[str, str] | None = None


class ClassroomStore:
    """The classrooms of one database. Every method raises StoreError if the database cannot be used."""

    def __init__(self, database: Database) -> None:
        """Any number of servers may share it."""
        self._database = database

    async def open(
        self, owner: str, label: str, theorems: str, seconds: float, most: int, most_each: int
    ) -> StoredClassroom:
        """Open a classroom for so many seconds.

        Raises:
            NoRoomError: there would be more than `most`, or more than `most_each` of this owner.
        """

        def work(connection: Connection) -> StoredClassroom:
            now = self._database.now(connection)
            connection.execute(delete(ClassroomRow).where(ClassroomRow.expires <= now))
            for bound, whose in ((most, ()), (most_each, (ClassroomRow.owner == owner,))):
                there = connection.scalar(select(func.count()).select_from(ClassroomRow).where(*whose)) or 0
                if there >= bound:
                    raise NoRoomError(f"there are {there} classrooms already{' of this client' if whose else ''}")
            code = "".join(secrets.choice(_LETTERS) for _ in range(_CODE_LETTERS))
            row = StoredClassroom(secrets.token_hex(16), owner, code, label, theorems, now, now + seconds, 0)
            values = {name: getattr(row, name) for name in ClassroomRow.__table__.columns.keys()}  # noqa: SIM118
            connection.execute(insert(ClassroomRow).values(values))
            return row

        return await self._database.write(work)

    async def find(self, classroom: str) -> StoredClassroom | None:
        """A classroom by its id; None: there is none, or it has ended."""
        return await self._database.read(lambda c: self._one(c, ClassroomRow.id == classroom))

    async def page(self, most: int, before: StoredClassroom | None, owner: str | None) -> list[StoredClassroom]:
        """At most `most` classrooms of an owner, the newest first; those that are older than `before`. None: of every owner."""

        def work(connection: Connection) -> list[StoredClassroom]:
            query = self._there(connection).order_by(ClassroomRow.created.desc(), ClassroomRow.id.desc()).limit(most)
            if owner is not None:
                query = query.where(ClassroomRow.owner == owner)
            if before is not None:
                older = tuple_(ClassroomRow.created, ClassroomRow.id) < (before.created, before.id)
                query = query.where(older)
            return [StoredClassroom(*row) for row in connection.execute(query)]

        return await self._database.read(work)

    async def delete(self, classroom: str) -> None:
        """Delete a classroom with its learners and what they wrote."""
        await self._database.write(lambda c: c.execute(delete(ClassroomRow).where(ClassroomRow.id == classroom)))

    async def join(self, code: str, key: str, name: str, most: int) -> StoredLearner | None:
        """Take a learner in who is known by the hash `key` from then on; None: no classroom has this code.

        Raises:
            NoRoomError: the classroom has `most` learners already.
        """

        def work(connection: Connection) -> StoredLearner | None:
            there = self._one(connection, ClassroomRow.code == code)
            if there is None:
                return None
            # PostgreSQL: two who join at once are counted one after the other.
            connection.execute(select(ClassroomRow.id).where(ClassroomRow.id == there.id).with_for_update())
            count = select(func.count()).select_from(LearnerRow).where(LearnerRow.classroom == there.id)
            if (connection.scalar(count) or 0) >= most:
                raise NoRoomError(f"this classroom has {most} learners already")
            one = StoredLearner(secrets.token_hex(8), there.id, name, self._database.now(connection))
            values = {"id": one.id, "classroom": there.id, "key": key, "name": name, "joined": one.joined}
            connection.execute(insert(LearnerRow).values(values))
            return one

        return await self._database.write(work)

    async def of_key(self, key: str) -> tuple[StoredLearner, StoredClassroom] | None:
        """The learner whose key has this hash, with what was begun, and the classroom."""

        def work(connection: Connection) -> tuple[StoredLearner, StoredClassroom] | None:
            found = _learners(connection, LearnerRow.key == key)
            there = self._one(connection, ClassroomRow.id == found[0].classroom) if found else None
            return None if there is None else (found[0], there)

        return await self._database.read(work)

    async def learner(self, classroom: str, learner: str) -> StoredLearner | None:
        """A learner of a classroom, with what was begun."""
        found = await self._database.read(
            lambda c: _learners(c, LearnerRow.classroom == classroom, LearnerRow.id == learner)
        )
        return found[0] if found else None

    async def learners(self, classroom: str, most: int, after: StoredLearner | None = None) -> list[StoredLearner]:
        """At most `most` learners in the order in which they joined, those after `after`; their proofs are left out."""
        conditions = [LearnerRow.classroom == classroom]
        if after is not None:
            conditions.append(tuple_(LearnerRow.joined, LearnerRow.id) > (after.joined, after.id))
        return await self._database.read(lambda c: _learners(c, *conditions, most=most, proofs=False))

    async def remove(self, learner: str) -> None:
        """Delete a learner with all that they wrote."""
        await self._database.write(lambda c: c.execute(delete(LearnerRow).where(LearnerRow.id == learner)))

    async def begin(self, learner: str, theorem: str, proof: str) -> SentProof | None:
        """Keep a proof that a learner has sent; None: there is no such learner any more."""

        def work(connection: Connection) -> SentProof:
            now = self._database.now(connection)
            fresh = {"learner": learner, "theorem": theorem, "proof": "", "turn": 0, "outcome": "", "open_goals": 0}
            fresh |= {"goal": "", "fault": "", "hints": "[]", "hint_count": 0, "begun": now, "asked": now, "moved": now}
            connection.execute(self._database.insert(AttemptRow).values(fresh).on_conflict_do_nothing())
            mine = (AttemptRow.learner == learner, AttemptRow.theorem == theorem)
            values = {"proof": proof, "turn": AttemptRow.turn + 1, "asked": now}
            columns = (AttemptRow.id, AttemptRow.turn, AttemptRow.hints)
            row = connection.execute(update(AttemptRow).where(*mine).values(values).returning(*columns)).one()
            return SentProof(row.id, row.turn, _pairs(row.hints))

        try:
            return await self._database.write(work)
        except IntegrityError:
            return None

    async def settle(self, turn: SentProof, result: ProofResult) -> bool:
        """Keep what came of a turn; whether there is something to keep it of. A hint counts even if a later proof was sent."""

        def work(connection: Connection) -> bool:
            columns = (AttemptRow.turn, AttemptRow.hints, AttemptRow.hint_count, AttemptRow.goal, AttemptRow.finished)
            mine = AttemptRow.id == turn.attempt
            row = connection.execute(select(*columns).where(mine).with_for_update()).first()
            if row is None:
                return False
            values: dict[str, Any] = {}
            given = _pairs(row.hints)
            if result.hint is not None and result.hint not in given:
                values["hints"] = json.dumps([*given, result.hint][-_MOST_HINTS:])
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
                connection.execute(update(AttemptRow).where(mine).values(values))
            return True

        return await self._database.write(work)

    async def trim(self) -> int:
        """See `trim`."""
        return await self._database.write(lambda c: trim(self._database, c))

    def _one(self, connection: Connection, condition: ColumnElement[bool]) -> StoredClassroom | None:
        row = connection.execute(self._there(connection).where(condition)).first()
        return None if row is None else StoredClassroom(*row)

    def _there(self, connection: Connection) -> Select[Any]:
        """The columns of `StoredClassroom`, of those that have not ended."""
        count = select(func.count()).select_from(LearnerRow).where(LearnerRow.classroom == ClassroomRow.id)
        columns = (ClassroomRow.id, ClassroomRow.owner, ClassroomRow.code, ClassroomRow.label, ClassroomRow.theorems)
        times = (ClassroomRow.created, ClassroomRow.expires)
        now = self._database.now(connection)
        return select(*columns, *times, count.scalar_subquery()).where(ClassroomRow.expires > now)


def trim(database: Database, connection: Connection) -> int:
    """Delete classrooms that have ended, with their learners; returns how many."""
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
