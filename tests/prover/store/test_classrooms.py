import asyncio

import pytest
from sqlalchemy import text

from prover.store.database import Database
from prover.store.records.classrooms import ClassroomStore, NoRoomError, ProofResult, StoredClassroom, StoredLearner
from prover.tutor.hints import HintOutcome, Level

HINT = ProofResult("hint", 2, "⊢ q", "", False, ("question", "a-b"))


@pytest.fixture
def store(database: Database) -> ClassroomStore:
    return ClassroomStore(database)


async def opened(store: ClassroomStore, owner: str = "ann", seconds: float = 60) -> StoredClassroom:
    return await store.open(owner, "logic", "[]", seconds, 100, 100)


async def joined(store: ClassroomStore, classroom: StoredClassroom, name: str = "bob") -> StoredLearner:
    learner = await store.join(classroom.code, f"key of {name}", name, 100)
    assert learner is not None
    return learner


async def rows(database: Database) -> list[int]:
    tables = ("classrooms", "learners", "attempts")
    query = text("SELECT " + ", ".join(f"(SELECT count(*) FROM leansieve_{name})" for name in tables))
    return list(await database.read(lambda c: c.execute(query).one()))


async def test_what_a_learner_sends_is_kept_with_what_came_of_it(store: ClassroomStore) -> None:
    classroom = await opened(store)
    learner = await joined(store, classroom)
    turn = await store.begin(learner.id, "first", "by")
    assert turn is not None
    assert (turn.number, turn.hints) == (1, ())
    assert await store.settle(turn, HINT)
    again = await store.begin(learner.id, "first", "by constructor")
    assert again is not None
    assert (again.number, again.hints) == (2, (("question", "a-b"),))
    found = await store.of_key("key of bob")
    assert found is not None
    (attempt,) = found[0].attempts
    assert (attempt.proof, attempt.outcome, attempt.open_goals, attempt.goal) == ("by constructor", "hint", 2, "⊢ q")
    (listed,) = await store.learners(classroom.id, 10)
    assert [one.proof for one in listed.attempts] == [""], "a list of learners holds no proofs"


async def test_an_answer_about_an_earlier_proof_comes_too_late_but_its_hint_counts(store: ClassroomStore) -> None:
    learner = await joined(store, await opened(store))
    early = await store.begin(learner.id, "first", "by")
    late = await store.begin(learner.id, "first", "by exact h")
    assert early is not None
    assert late is not None
    assert await store.settle(late, ProofResult("proved", 0, "", "", True))
    assert await store.settle(early, HINT)
    assert await store.settle(early, HINT), "the same hint twice"
    found = await store.learner(learner.classroom, learner.id)
    assert found is not None
    (attempt,) = found.attempts
    assert (attempt.outcome, attempt.hint_count, attempt.hints) == ("proved", 1, (("question", "a-b"),))
    assert attempt.finished is not None


async def test_turns_of_one_learner_at_once_lose_no_hint(store: ClassroomStore) -> None:
    learner = await joined(store, await opened(store))

    async def one(number: int) -> None:
        turn = await store.begin(learner.id, "first", f"by {number}")
        assert turn is not None
        assert await store.settle(turn, ProofResult("hint", 1, "", "", False, ("question", str(number))))

    await asyncio.gather(*map(one, range(8)))
    found = await store.learner(learner.classroom, learner.id)
    assert found is not None
    assert found.attempts[0].hint_count == 8
    assert {step for _, step in found.attempts[0].hints} == set(map(str, range(8)))


async def test_nothing_is_left_of_what_is_deleted(store: ClassroomStore, database: Database) -> None:
    classroom = await opened(store)
    bob, eve = await joined(store, classroom), await joined(store, classroom, "eve")
    for learner in (bob, eve):
        assert await store.begin(learner.id, "first", "by") is not None
    assert await rows(database) == [1, 2, 2]
    await store.remove(bob.id)
    assert await rows(database) == [1, 1, 1]
    assert await store.of_key("key of bob") is None
    assert await store.begin(bob.id, "first", "by") is None, "a call that was under way keeps nothing"
    await store.delete(classroom.id)
    assert await rows(database) == [0, 0, 0]


async def test_a_classroom_that_has_ended_is_found_no_more_and_is_deleted(
    store: ClassroomStore, database: Database
) -> None:
    lasting, over = await opened(store), await opened(store, seconds=-1)
    assert await store.find(over.id) is None
    assert await store.join(over.code, "key", "bob", 10) is None
    assert [one.id for one in await store.page(9, None, None)] == [lasting.id]
    assert await store.trim() == 1
    assert await rows(database) == [1, 0, 0]


async def test_there_are_no_more_classrooms_and_learners_than_may_be(store: ClassroomStore) -> None:
    classroom = await opened(store)
    with pytest.raises(NoRoomError, match="1 classrooms already of this client"):
        await store.open("ann", "", "[]", 60, 100, 1)
    with pytest.raises(NoRoomError, match=r"1 classrooms already$"):
        await store.open("bob", "", "[]", 60, 1, 1)
    await joined(store, classroom)
    with pytest.raises(NoRoomError, match="1 learners already"):
        await store.join(classroom.code, "another", "eve", 1)


async def test_pages_follow_each_other(store: ClassroomStore) -> None:
    rooms = [await opened(store, owner) for owner in ("ann", "eve", "ann", "ann")]
    first = await store.page(2, None, "ann")
    assert [one.id for one in first + await store.page(2, first[-1], "ann")] == [rooms[at].id for at in (3, 2, 0)]
    learners = [await joined(store, rooms[0], name) for name in "abc"]
    page = await store.learners(rooms[0].id, 2)
    assert [one.id for one in page + await store.learners(rooms[0].id, 2, page[-1])] == [one.id for one in learners]


def test_names_of_outcomes_and_levels_fit_their_columns() -> None:
    assert max(len(one.value) for one in HintOutcome) <= 16
    assert max(len(one.value) for one in Level) <= 16
