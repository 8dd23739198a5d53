"""Theorems go to the Lean of the project that they name. Scripted processes stand in for Lean."""

import dataclasses
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from prover.lean.workers.pool import PoolConfig
from prover.lean.workers.projects import ProjectPlace, ProjectRouter, UnknownProjectError, unknown
from prover.theorem import Header, Theorem
from prover.verdict import Region, Trust, VerdictKind
from tests.support import scripted
from tests.support.scripted import ScriptedRuntime

ONE = PoolConfig(workers=1, spares=0, allowed_imports=None)


def place(**options: str) -> ProjectPlace:
    return ProjectPlace(ScriptedRuntime(cancel="stdin", single_import_set=False), ONE, options)


@pytest_asyncio.fixture
async def pools() -> AsyncIterator[ProjectRouter]:
    projects = {"mathlib": place(autoImplicit="false", maxSynthPendingDepth="3", unknownOption="1"), "other": place()}
    async with ProjectRouter(place(), projects) as pools:
        await pools.ready()
        yield pools


def named(project: str, statement: str = "theorem a : True") -> Theorem:
    return Theorem(statement, Header(prelude="open Nat"), project=project)


async def test_each_scripted_project_has_a_worker_of_its_own_started_when_it_is_asked(pools: ProjectRouter) -> None:
    assert len(pools.stats().workers) == 1
    assert pools.lean_versions == {"mathlib": "", "other": ""}
    verdicts = [await pools.check(named(name), scripted.proof()) for name in ("", "mathlib", "other", "mathlib")]
    assert all(verdict.verified for verdict in verdicts)
    workers = [verdict.messages[0].text.split()[0] for verdict in verdicts]
    assert workers[1] == workers[3]
    assert len(set(workers)) == 3
    assert len(pools.stats().workers) == 3
    assert pools.lean_versions == {"mathlib": "scripted", "other": "scripted"}
    assert pools.stats().verdicts[VerdictKind.VERIFIED] == 4


async def test_project_that_is_not_configured_is_named(pools: ProjectRouter) -> None:
    with pytest.raises(UnknownProjectError, match="there is no project '/etc'; there is mathlib, other"):
        await pools.check(named("/etc"), scripted.proof())
    with pytest.raises(UnknownProjectError):
        async with pools.isolated(project="nothing"):
            pass


def test_a_project_where_the_settings_name_none_is_told_where_they_would() -> None:
    assert unknown("nope", ()) == (
        "there is no project 'nope'; the settings name none (`[lean.projects.NAME]`, docs/native.md)"
    )


async def test_options_of_a_project_stand_before_those_of_a_request(pools: ProjectRouter) -> None:
    def prelude(project: str) -> str:
        return pools.canonical(named(project)).header.prelude

    assert prelude("mathlib") == "set_option autoImplicit false set_option maxSynthPendingDepth 3\nopen Nat"
    assert prelude("other") == prelude("") == "open Nat"


async def test_messages_point_into_the_header_as_it_was_given(pools: ProjectRouter) -> None:
    messages = [
        {"severity": "error", "text": "x", "line": line, "column": 0, "region": region}
        for line, region in ((1, "header"), (3, "header"), (3, "candidate"))
    ]
    candidate = scripted.proof(verdict="rejected", fields={"messages": messages})
    moved = await pools.check(named("mathlib"), candidate)
    assert [message.line for message in moved.messages] == [1, 2, 3]
    async with pools.isolated(project="mathlib") as checker:
        isolated = await checker.check(named("mathlib"), candidate)
    assert [message.line for message in isolated.messages] == [1, 2, 3]
    same = await pools.check(named("other"), candidate)
    assert [message.line for message in same.messages if message.region is Region.HEADER] == [1, 3]


async def test_isolated_checker_is_of_the_project(pools: ProjectRouter) -> None:
    async with pools.isolated(project="other") as checker:
        verdict = await checker.check(named("other"), scripted.proof())
    assert verdict.trust is Trust.ISOLATED_REPLAY


async def test_closing_ends_the_scripted_workers_of_every_project() -> None:
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    async with ProjectRouter(place(), {"other": place()}) as pools:
        await pools.check(named("other"), scripted.proof())
    assert {child.pid for child in psutil.Process().children(recursive=True)} <= before
    verdict = await pools.check(named("other"), scripted.proof())
    assert verdict.kind is VerdictKind.INFRASTRUCTURE


def test_theorem_of_a_project_has_a_digest_of_its_own() -> None:
    plain = Theorem("theorem a : True")
    assert plain.digest != dataclasses.replace(plain, project="mathlib").digest
    text = "\0".join((plain.header.text, plain.context, plain.statement))
    assert plain.digest == hashlib.sha256(text.encode()).hexdigest(), "as before there were projects"


def test_bounds_of_a_project_do_not_depend_on_paths(tmp_path: Path) -> None:
    """A name that looks like a path is only a name."""
    with pytest.raises(UnknownProjectError):
        ProjectRouter(place(), {}).of(str(tmp_path))
