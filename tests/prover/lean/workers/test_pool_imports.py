"""Which worker serves which imports; emulated by scripted processes."""

import asyncio

import pytest

from prover.lean.processes.ending import End
from prover.lean.wire.role import ProcessRole
from prover.lean.workers.jobs import CHARGE, PoolBusyError
from prover.lean.workers.pool import PoolUnavailableError
from prover.verdict import Region, VerdictKind
from tests.support.pools import idle
from tests.support.scripted import SHORT, ScriptedRuntime, pool_of, proof, theorem


async def test_other_imports_get_a_worker_of_their_own() -> None:
    async with pool_of(2) as pool:
        await idle(pool)
        both = await asyncio.gather(
            pool.check(theorem("a"), proof()), pool.check(theorem("b", ("Std", "Init.Omega")), proof())
        )
        assert all(verdict.verified for verdict in both)
        assert {worker.imports for worker in pool.stats().workers} == {("Init", "Std"), ("Init", "Init.Omega", "Std")}
        assert pool.stats().ends == {End.IMPORTS: 1}


async def test_order_and_repetition_of_imports_do_not_matter() -> None:
    async with pool_of() as pool:
        for imports in (("Std",), ("Std", "Init"), ("Init", "Std")):
            assert (await pool.check(theorem(imports=imports), proof())).verified
        assert pool.stats().ends == {}


async def test_two_import_sets_share_one_worker_by_turns() -> None:
    async with pool_of(switch_seconds=0.3, watch_seconds=0.05) as pool:
        sets = [("Init",), ("Init", "Std")]
        verdicts = await asyncio.gather(
            *(pool.check(theorem(f"t{i}", sets[i % 2]), proof(sleep=0.02)) for i in range(40))
        )
        assert [verdict.theorem for verdict in verdicts] == [f"t{i}" for i in range(40)]
        assert 1 <= pool.stats().ends[End.IMPORTS] <= 6


async def test_ever_new_imports_take_a_share_of_the_workers_time_and_no_more() -> None:
    """A client that used other imports each time kept every worker starting, and no other client was served."""
    spent = 0.0

    def pay(seconds: float) -> None:
        nonlocal spent
        spent += seconds

    # A thousandth of the time, of which 0.12 s are saved up: every start takes longer than that.
    async with pool_of(runtime=ScriptedRuntime(start={"sleep": 0.2}), switch_share=0.001) as pool:
        await idle(pool)
        paying = CHARGE.set(pay)
        assert (await pool.check(theorem(imports=("Init.A",)), proof())).verified
        CHARGE.reset(paying)
        assert spent >= 0.2, "who wants other imports pays for the start of their worker"
        for number in range(20):
            with pytest.raises(PoolBusyError, match="no worker has these imports") as caught:
                await pool.check(theorem(imports=(f"Init.B{number}",)), proof())
            assert caught.value.seconds > 60
        assert (await pool.check(theorem(imports=("Init.A",)), proof())).verified, "they are there"
        for _ in range(3):
            assert (await pool.check(theorem(), proof())).verified, "what workers have by default is never refused"
        assert pool.stats().ends == {End.IMPORTS: 2}
        with pytest.raises(PoolBusyError):
            await pool.check(theorem(imports=("Init.A",)), proof())


async def test_import_outside_the_allow_list_is_forbidden_before_any_worker_sees_it() -> None:
    async with pool_of(allowed_imports=("Init", "Std")) as pool:
        for module in ("Lean", "StdX", "Lean.Elab"):
            verdict = await pool.check(theorem(imports=("Init", module)), proof())
            assert verdict.kind is VerdictKind.FORBIDDEN
            assert verdict.messages[0].region is Region.HEADER
            assert verdict.messages[0].text == f"`import {module}` is not allowed here; allowed are Init, Std and below"
        assert (await pool.check(theorem(imports=("Std.Data.HashMap",)), proof())).verified


async def test_import_for_processes_of_one_client_reaches_those_and_no_shared_worker() -> None:
    alone = theorem(imports=("Init", "Lean.Elab"))
    async with pool_of(contained_imports=("Lean",)) as pool:
        assert pool.only_contained(alone)
        assert not pool.only_contained(theorem(imports=("Leanish",)))
        assert (await pool.check(alone, proof())).kind is VerdictKind.FORBIDDEN
    async with pool_of(contained_imports=("Lean",), role=ProcessRole.ELABORATOR) as pool:
        assert (await pool.check(alone, proof())).verified
        assert (await pool.check(theorem(imports=("Lake",)), proof())).kind is VerdictKind.FORBIDDEN


async def test_unknown_import_is_an_invalid_statement_and_costs_one_start() -> None:
    runtime = ScriptedRuntime(missing=("Std.Foo",))
    async with pool_of(runtime=runtime) as pool:
        await pool.ready()
        for _ in range(3):
            verdict = await pool.check(theorem(imports=("Std.Foo",)), proof())
            assert verdict.kind is VerdictKind.INVALID_STATEMENT
            assert verdict.messages[0].text == "unknown module prefix 'Std.Foo'"
        assert (await pool.check(theorem(), proof())).verified
        assert runtime.launched == 3
        assert pool.stats().failed_starts == 1


async def test_module_known_to_be_absent_costs_no_worker() -> None:
    """Neither when it is asked first, while no worker is up, nor later."""
    async with pool_of(runtime=ScriptedRuntime(absent=("Std.Foo",))) as pool:
        for name in ("Std.Foo", "Std.Foo"):
            verdict = await pool.check(theorem(imports=("Init", name)), proof())
            assert verdict.kind is VerdictKind.INVALID_STATEMENT
            assert (verdict.messages[0].text, verdict.messages[0].region) == ("unknown module `Std.Foo`", Region.HEADER)
        assert pool.stats().ends == {}


async def test_native_runtime_keeps_its_worker_whatever_the_imports() -> None:
    async with pool_of(runtime=ScriptedRuntime(single_import_set=False, cancel="stdin"), allowed_imports=None) as pool:
        verdict = await pool.check(theorem(imports=("Init", "Std")), proof())
        assert verdict.verified
        await pool.check(theorem(imports=("Mathlib",)), proof())
        assert (await pool.check(theorem(), proof(loop=60), SHORT)).kind is VerdictKind.TIMEOUT
        assert pool.stats().ends == {}


async def test_default_imports_that_were_refused_are_served_once_lean_knows_them() -> None:
    runtime = ScriptedRuntime(missing=("Std",))
    async with pool_of(runtime=runtime) as pool:
        with pytest.raises(PoolUnavailableError, match="Init Std cannot be loaded: unknown module prefix 'Std'"):
            await pool.ready()
        assert (await pool.check(theorem(), proof())).kind is VerdictKind.INFRASTRUCTURE
        runtime.missing = ()
        await idle(pool)
        assert (await pool.check(theorem(), proof())).verified


async def test_an_import_that_the_embedded_lean_lacks_is_answered_with_where_it_can_be_had() -> None:
    async with pool_of(runtime=ScriptedRuntime(name="embedded")) as pool:
        verdict = await pool.check(theorem(imports=("Mathlib",)), proof())
    assert verdict.messages[0].text == (
        "`import Mathlib` is not allowed here; allowed are Init, Std and below; "
        "modules of a Lake project are checked with it (`--project`, docs/native.md)"
    )


async def test_hostile_import_lists_are_refused_and_not_kept() -> None:
    name = "Std." + "x" * 100_000
    async with pool_of(runtime=ScriptedRuntime(absent=(name,))) as pool:
        await pool.ready()
        many = tuple(f"Std.M{n}" for n in range(5_000))
        for imports, reason in (
            (many, "the header imports 5001 modules; at most 1000 are read"),
            ((name,), f"unknown module `{name[:200]}`"),
            (
                ("Nope" + name,),
                f"`import {('Nope' + name)[:200]}` is not allowed here; allowed are Init, Std and below",
            ),
        ):
            verdict = await pool.check(theorem(imports=imports), proof())
            assert verdict.messages[0].text == reason
            assert verdict.messages[0].region is Region.HEADER
        assert (await pool.check(theorem(), proof())).verified
