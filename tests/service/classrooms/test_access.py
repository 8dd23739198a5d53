"""Access to classrooms by callers with tokens, without Lean."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
from pydantic import SecretStr

from prover.store.database import Database
from prover.store.records.classrooms import ClassroomStore, StoredClassroom
from prover.theorem import Theorem
from service.auth import tokens
from service.auth.identity import Role
from service.auth.owners import Owners
from service.classrooms.classroom import ClassroomTheorem
from service.classrooms.classrooms import _THEOREMS, Classrooms
from service.client.client import Client
from service.core.engine import Engine
from service.ops.config import (
    ClassroomSettings,
    ConnectionSettings,
    HttpSettings,
    SecuritySettings,
    ServerSettings,
    Settings,
)
from service.server import listening

THEOREMS = _THEOREMS.dump_json((ClassroomTheorem("one", Theorem("theorem t : True")),)).decode()


@contextlib.asynccontextmanager
async def served(folder: Path, file: Path | None) -> AsyncIterator[tuple[httpx.AsyncClient, ClassroomStore]]:
    """A server that takes two learners a classroom, and keeps it in a folder."""
    settings = Settings(
        server=ServerSettings(listen="127.0.0.1:0"),
        http=HttpSettings(listen="127.0.0.1:0"),
        security=SecuritySettings(tokens=file),
        classrooms=ClassroomSettings(learners=2),
    )
    with contextlib.closing(Database.open(str(folder / "store.sqlite"))) as database:
        store, engine, urls = ClassroomStore(database), Engine(settings), list[str]()
        classrooms = Classrooms(engine, store, settings.classrooms, Owners(file).may)
        async with (
            listening(engine, settings, asyncio.Event(), announce_http=urls.append, classrooms=classrooms),
            httpx.AsyncClient(base_url=urls[0], timeout=60) as web,
        ):
            yield web, store


async def code(web: httpx.AsyncClient, page: str, body: dict[str, object], token: str = "") -> int:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return (await web.post(f"/v1/{page}", json=body, headers=headers)).status_code


async def room(store: ClassroomStore, owner: str) -> StoredClassroom:
    return await store.open(owner, "logic", THEOREMS, 600, 100, 100)


async def test_a_classroom_is_its_teachers_alone(tmp_path: Path) -> None:
    file = tmp_path / "tokens.toml"
    teacher, pupils, admin = (
        tokens.new(file, name, [role])
        for name, role in (("teacher", Role.PROVE), ("pupils", Role.PROVE), ("root", Role.ADMIN))
    )
    async with served(tmp_path, file) as (web, store):
        there = await room(store, "teacher")
        join = {"joinCode": there.code, "displayName": "Ann"}
        assert await code(web, "join-classroom", join) == 401
        assert await code(web, "join-classroom", join, pupils) == 200
        (learner,) = await store.learners(there.id, 9)
        one = {"classroomId": there.id, "id": learner.id}
        asked: list[tuple[str, dict[str, object]]] = [
            ("get-classroom", {"id": there.id}),
            ("list-learners", {"classroomId": there.id}),
            ("list-learners", {"classroomId": there.id, "pageToken": learner.id}),
            ("get-learner", one),
            ("delete-learner", one),
            ("delete-classroom", {"id": there.id}),
        ]
        for page, body in asked:
            assert await code(web, page, body, pupils) == 404, f"{page} is for the teacher"
        listed = [
            await web.post("/v1/list-classrooms", json={}, headers={"authorization": f"Bearer {who}"})
            for who in (teacher, pupils, admin)
        ]
        assert [len(each.json()["classrooms"]) for each in listed] == [1, 0, 1]
        assert "theorems" not in listed[0].json()["classrooms"][0] or not listed[0].json()["classrooms"][0]["theorems"]
        for page, body in asked:
            assert await code(web, page, body, teacher) == 200


async def test_a_classroom_of_another_is_not_reached_through_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "tokens.toml"
    eve = tokens.new(file, "eve", [Role.PROVE])
    async with served(tmp_path, file) as (web, store):
        own, other = await room(store, "eve"), await room(store, "ann")
        learner = await store.join(other.code, "key", "Bob", 9)
        assert learner is not None
        for page in ("get-learner", "delete-learner"):
            assert await code(web, page, {"classroomId": own.id, "id": learner.id}, eve) == 404
        assert await code(web, "list-learners", {"classroomId": own.id, "pageToken": learner.id}, eve) == 404
        assert await code(web, "list-classrooms", {"pageToken": other.id}, eve) == 404


async def test_who_cannot_be_told_apart_is_told_of_no_classroom(tmp_path: Path) -> None:
    async with served(tmp_path, None) as (web, store):
        there = await room(store, "peer:127.0.0.1")
        assert await code(web, "list-classrooms", {}) == 409
        assert await code(web, "get-classroom", {"id": there.id}) == 200, "the id is the way in"


async def test_a_full_classroom_and_a_closed_one_take_nobody(tmp_path: Path) -> None:
    file = tmp_path / "tokens.toml"
    pupils = tokens.new(file, "pupils", [Role.PROVE])
    async with served(tmp_path, file) as (web, store):
        there = await room(store, "gone")
        join = {"joinCode": there.code, "displayName": "Ann"}
        headers = {"authorization": f"Bearer {pupils}"}
        answers = [await web.post("/v1/join-classroom", json=join, headers=headers) for _ in range(3)]
        assert [each.status_code for each in answers] == [200, 200, 409]
        assert answers[-1].json()["error"]["message"] == "this classroom has 2 learners already: ask your teacher"
        ask = {"learnerKey": answers[0].json()["learnerKey"], "theoremId": "one", "proof": "by"}
        closed = await web.post("/v1/suggest-classroom-hint", json=ask, headers=headers)
        assert closed.status_code == 409
        assert closed.json()["error"]["message"] == "this classroom is closed: its teacher no longer has a valid token"


async def test_keys_are_kept_as_hashes_and_a_server_without_a_store_says_so(tmp_path: Path) -> None:
    async with served(tmp_path, None) as (web, store):
        there = await room(store, "peer:127.0.0.1")
        joined = await web.post("/v1/join-classroom", json={"joinCode": there.code, "displayName": "Ann"})
        key = joined.json()["learnerKey"]
        assert await code(web, "get-classwork", {"learnerKey": key}) == 200
        held = await asyncio.to_thread(lambda: b"".join(each.read_bytes() for each in tmp_path.glob("store.sqlite*")))
        assert b"Ann" in held
        assert key.encode() not in held
        assert await code(web, "leave-classroom", {"learnerKey": key}) == 200
        assert await code(web, "get-classwork", {"learnerKey": key}) == 404
    async with served_without_store() as web:
        answer = await web.post("/v1/get-classroom", json={"id": there.id})
        assert answer.status_code == 409
        assert answer.json()["error"]["message"] == "this server keeps no classrooms: set store.url and start it again"


@contextlib.asynccontextmanager
async def served_without_store() -> AsyncIterator[httpx.AsyncClient]:
    settings = Settings(server=ServerSettings(listen="127.0.0.1:0"), http=HttpSettings(listen="127.0.0.1:0"))
    urls = list[str]()
    async with (
        listening(Engine(settings), settings, asyncio.Event(), announce_http=urls.append),
        httpx.AsyncClient(base_url=urls[0], timeout=60) as web,
    ):
        yield web


async def test_the_client_lists_its_classrooms(tmp_path: Path) -> None:
    file = tmp_path / "tokens.toml"
    token = tokens.new(file, "teacher", [Role.PROVE])
    settings = Settings(
        server=ServerSettings(listen="127.0.0.1:0"),
        security=SecuritySettings(tokens=file),
        connection=ConnectionSettings(token=SecretStr(token)),
    )
    with contextlib.closing(Database.open(str(tmp_path / "store.sqlite"))) as database:
        store, engine = ClassroomStore(database), Engine(settings)
        classrooms = Classrooms(engine, store, settings.classrooms, Owners(file).may)
        async with (
            listening(engine, settings, asyncio.Event(), classrooms=classrooms) as (address, _),
            Client(address, settings) as client,
        ):
            there = [(await room(store, owner)).id for owner in ("teacher", "teacher", "another")]
            found = [one async for one in client.classrooms.every()]
    assert {one.id for one in found} == set(there[:2])
    assert all(one.label == "logic" and not one.theorems for one in found)
