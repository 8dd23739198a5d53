"""Messages and dataclasses say the same."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leansieve.v1 import prove_pb2, verdict_pb2
from prover.assistance.suggest import (
    FilePosition,
    PrintedGoal,
    Suggest,
    Suggestion,
    Suggestions,
    TacticOutcome,
    TacticScript,
)
from prover.candidate import Candidate
from prover.errors import InputError
from prover.events import (
    Ending,
    Finished,
    Minimised,
    NoteKind,
    Progress,
    Proof,
    Refutation,
    Spending,
    StatementNote,
    Waste,
)
from prover.lean.workers.jobs import Priority
from prover.options import STRATEGIES, Budget, CheckOptions, Preference, Sampling, SearchOptions, StoreUse
from prover.premises.query import Premise, Premises, QueryKind, QueryResult
from prover.requests import Accepted, Check, Event, Search, Starting
from prover.search.diversity import Diversity
from prover.source import typed
from prover.theorem import Header, Theorem
from prover.tutor.hints import (
    Checked,
    Fact,
    GivenHint,
    Hint,
    HintOutcome,
    LearnerStep,
    Level,
    Refused,
    Tutored,
    Tutoring,
    Veto,
)
from prover.verdict import Limits, Message, Mode, Policy, Region, Trust, Verdict, VerdictKind
from service.batch.batches import (
    Answered,
    BatchEvent,
    BatchItem,
    BatchRequest,
    BatchState,
    BatchStatus,
    ItemAnswer,
    ItemOutcome,
)
from service.contract import fields, values
from service.contract.fields import validate
from service.contract.messages import batch as batch_messages
from service.contract.messages import hint as hint_messages
from service.contract.messages import premises as premise_messages
from service.contract.messages import search as search_messages
from service.contract.messages import suggest as suggest_messages
from service.contract.messages.events import EventReader, EventWriter
from service.core.limits.admission import bounds
from service.ops.config import Settings, TextSettings

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
count = st.integers(0, 2**31 - 1)
positive = st.integers(1, 2**31 - 1)
bounded = st.integers(1, 10**6)  # what the contract takes of heartbeats and recursion
# Durations travel in whole nanoseconds.
time = st.integers(1, 10**13).map(lambda milliseconds: milliseconds / 1e3)
milliseconds = st.integers(0, 10**7).map(float)
messages = st.builds(
    Message, st.sampled_from(["error", "warning", "information"]), text, st.sampled_from(Region), count, count
)
verdicts = st.builds(
    Verdict,
    kind=st.sampled_from(VerdictKind),
    trust=st.sampled_from(Trust),
    policy=st.builds(Policy, text, st.lists(text).map(tuple), st.lists(text).map(tuple)),
    theorem=text,
    messages=st.lists(messages, max_size=3).map(tuple),
    axioms=st.lists(text, max_size=3).map(tuple),
    elapsed_ms=st.integers(0, 10**9).map(float),
    timing=st.dictionaries(st.sampled_from(["vet_ms", "replay_ms", "total_ms", "judge_replay_ms"]), milliseconds),
    heartbeats=st.integers(0, 2**63 - 1),
)
trusts = st.sampled_from([Trust.KERNEL_REPLAYED, Trust.ISOLATED_REPLAY])
limits = st.builds(Limits, time.filter(lambda s: s <= 86_400), bounded, bounded)
theorems = st.builds(
    Theorem,
    text.map(lambda name: f"theorem {name}".replace("\0", "").strip()).filter(lambda s: typed.read(s).statement == s),
    st.just(Header(("Init",), "open Nat")),
    text.map(lambda s: s.replace("\0", "")),
)
share = st.floats(0, 1)
samplings = st.builds(
    lambda aim, **rest: Sampling(**aim, **rest),
    st.fixed_dictionaries({})
    | st.fixed_dictionaries({"focus": share})
    | st.fixed_dictionaries({"alpha": share})
    | st.fixed_dictionaries({"model": text.filter(bool)}),
    temperature=st.none() | st.floats(0, 10),
    top_p=st.none() | st.floats(0, 1, exclude_min=True),
    max_tokens=st.none() | st.integers(1, 65536),
    seed=st.none() | st.integers(0, 2**63 - 1),
)
proofs = text.map(lambda s: s.replace("\0", ""))
default = bounds(Settings())[0]


@given(verdicts)
def test_a_verdict_survives_the_journey(verdict: Verdict) -> None:
    there_and_back = values.verdict_from_proto(values.verdict_to_proto(verdict), verdict.mode)
    assert dataclasses.replace(there_and_back, elapsed_ms=verdict.elapsed_ms) == verdict
    assert abs(there_and_back.elapsed_ms - verdict.elapsed_ms) < 1e-3


def test_times_and_numbers_that_no_worker_can_mean_end_no_call() -> None:
    strange = {"total_ms": float("inf"), "vet_ms": float("nan"), "audit_ms": -1.0, "dance_ms": 1.0, "replay_ms": 2.0}
    message = Message("error", "?", Region.CANDIDATE, 2**40, 2**40)
    verdict = Verdict(VerdictKind.REJECTED, timing=strange, heartbeats=2**70, messages=(message,))
    there_and_back = values.verdict_from_proto(values.verdict_to_proto(verdict))
    assert there_and_back.timing == {"replay_ms": 2.0}
    assert there_and_back.heartbeats == 2**63 - 1
    assert there_and_back.messages[0].line == 2**31 - 1


checks = st.builds(CheckOptions, limits, text.filter(bool), trusts, text, st.sampled_from(Priority))


@given(
    st.builds(
        Check,
        theorems,
        st.builds(Candidate, proofs, st.sampled_from(Mode), st.just("given")),
        checks,
    )
)
def test_a_check_survives_the_journey(check: Check) -> None:
    request = values.check_to_proto(check)
    assert values.check_from_proto(request, default, TextSettings()) == check


@given(
    st.builds(
        Search,
        theorems,
        st.builds(
            SearchOptions,
            st.builds(Budget, positive, st.none() | count, time, positive),
            checks,
            st.sampled_from(["", *STRATEGIES]),
            text,
            samplings,
            st.sampled_from(Preference),
            st.booleans(),
            st.sampled_from(StoreUse),
            st.just(True),
            st.booleans(),
        ),
    )
)
def test_a_search_survives_the_journey(search: Search) -> None:
    request = search_messages.request_to_proto(search)
    assert search_messages.request_from_proto(request, default, TextSettings()) == search


spent = st.builds(Progress, count, count, count, count, time, count, count)
candidates = st.builds(
    Candidate,
    text,
    source=text,
    log_prob=st.none() | st.floats(allow_nan=False),
    tokens=count,
    seed=st.none() | st.integers(0, 2**63 - 1),
)
endings = st.sampled_from([e for e in Ending if e not in (Ending.INVALID_STATEMENT, Ending.INFRASTRUCTURE)])
found = st.builds(
    Proof,
    candidates,
    verdicts.map(lambda v: dataclasses.replace(v, mode=Mode.PROOF, elapsed_ms=0.0)),
    time,
    st.booleans(),
)


notes = st.lists(st.builds(StatementNote, st.sampled_from(NoteKind), text, st.lists(text).map(tuple))).map(tuple)
refutations = st.none() | st.builds(Refutation, text, found, st.lists(st.tuples(text, text)).map(tuple))


@given(st.data())
def test_the_events_of_a_search_survive_the_journey(data: st.DataObject) -> None:
    events: list[Event] = [
        data.draw(st.builds(Starting, text, st.integers(0, 10**6).map(float))),
        data.draw(st.builds(Accepted, text, text)),
        data.draw(spent),
    ]
    proofs = data.draw(st.lists(found, max_size=3, unique_by=repr))
    events += proofs
    shorter = [data.draw(found) for _ in proofs[:1]]
    events += [Minimised(original, proof) for original, proof in zip(proofs, shorter, strict=False)]
    share = st.floats(0, 100)
    events.append(
        Finished(
            data.draw(endings),
            data.draw(spent),
            data.draw(st.dictionaries(st.sampled_from(VerdictKind), count)),
            proofs=tuple(proofs[1:] + shorter),
            diversity=data.draw(st.builds(Diversity, share, share, share, share)) if proofs else None,
            spending=data.draw(st.lists(st.builds(Spending, text, count, count, count, count, count, time)).map(tuple)),
            waste=data.draw(st.builds(Waste, count, count, count)),
            stuck_at=data.draw(text),
            notes=data.draw(notes),
            refutation=data.draw(refutations),
        )
    )
    writer, reader = EventWriter("digest"), EventReader()
    assert [reader.event(writer.response(event)) for event in events] == events


lines = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)
places = st.one_of(
    st.builds(TacticScript, theorems, st.lists(lines, max_size=3).map(tuple)),
    st.builds(FilePosition, lines, st.integers(1, 10**6), st.integers(0, 10**6)),
    st.builds(PrintedGoal, lines, st.just(Header(("Init",), "open Nat")), lines),
)


@given(
    st.builds(
        Suggest,
        places,
        st.integers(1, 64),
        lines,
        st.floats(0.001, 3600).map(lambda s: round(s, 6)),
        st.builds(CheckOptions, limits, text.filter(bool), priority=st.sampled_from(Priority)),
        text,
        samplings,
    )
)
def test_a_wish_for_tactics_survives_the_journey(wish: Suggest) -> None:
    request = suggest_messages.request_to_proto(wish)
    validate(request)
    back = suggest_messages.request_from_proto(request, default, 8, 10.0, TextSettings())
    assert back == wish


@given(
    st.builds(
        Suggestions,
        st.lists(text).map(tuple),
        st.lists(
            st.builds(
                Suggestion,
                text,
                st.sampled_from(TacticOutcome),
                st.lists(text).map(tuple),
                st.floats(allow_nan=False),
                text,
                time,
                st.sampled_from(Trust),
            ),
            max_size=3,
        ).map(tuple),
        count,
        st.booleans(),
        st.booleans(),
    )
)
def test_suggestions_survive_the_journey(found: Suggestions) -> None:
    assert suggest_messages.response_from_proto(suggest_messages.response_to_proto(found, "id")) == found


@given(
    st.builds(
        QueryResult,
        st.lists(st.builds(Premise, text, text, text, text, time, st.booleans()), max_size=3).map(tuple),
        count,
        count,
    )
)
def test_premises_survive_the_journey(found: QueryResult) -> None:
    assert premise_messages.response_from_proto(premise_messages.response_to_proto(found, "id")) == found


@given(
    st.builds(
        Premises,
        kind=st.sampled_from(QueryKind),
        text=lines.filter(str.strip),
        context=lines,
        most=st.integers(1, 100),
        seconds=st.integers(1, 60).map(float),
        priority=st.sampled_from(Priority),
    )
)
def test_what_is_looked_for_survives_the_journey(wish: Premises) -> None:
    request = premise_messages.request_to_proto(wish)
    validate(request)
    assert premise_messages.request_from_proto(request, 7, 10.0, TextSettings()) == wish


batches = st.builds(BatchStatus, text, text, st.sampled_from(BatchState), count, count, count, time, st.none() | time)
answers = st.builds(
    ItemAnswer,
    text,
    st.sampled_from(ItemOutcome),
    text,
    st.lists(found, max_size=2).map(tuple),
    st.none() | endings,
    spent,
    st.none() | verdicts.map(lambda v: dataclasses.replace(v, mode=Mode.PROOF, elapsed_ms=0.0)),
    text,
    count,
)


def test_times_of_batches_do_not_change_by_fractions_of_microseconds() -> None:
    for created, finished in ((1512513829.157, 1512513829.9999998), (0.001, 1.715)):
        batch = BatchStatus("", "", BatchState.DONE, 0, 0, 0, created, finished)
        assert batch_messages.event_from_proto(batch_messages.event_to_proto(batch)) == batch


@given(batches | st.builds(Answered, st.integers(1, 2**63 - 1), answers))
def test_what_a_watcher_of_a_batch_is_told_survives_the_journey(event: BatchEvent) -> None:
    assert batch_messages.event_from_proto(batch_messages.event_to_proto(event)) == event


def test_a_batch_survives_the_journey() -> None:
    options = SearchOptions(default.budget, CheckOptions(default.limits, priority=Priority.BATCH), repeat=True)
    items = (BatchItem("1", Theorem("theorem a : True"), "Nat.le", "Init"), BatchItem("2", Theorem("theorem b : True")))
    batch = BatchRequest(items, options, "key", "label")
    request = batch_messages.request_to_proto(batch)
    assert batch_messages.request_from_proto(request, default, TextSettings()) == batch


def test_what_a_request_does_not_say_comes_from_the_server() -> None:
    request = prove_pb2.ProveRequest()
    request.theorem.statement = "theorem a : True"
    search = search_messages.request_from_proto(request, default, TextSettings())
    assert search == Search(Theorem("theorem a : True"), SearchOptions(default.budget, CheckOptions(default.limits)))


def test_a_verdict_of_a_newer_server_is_nobodys_fault() -> None:
    message = values.verdict_to_proto(Verdict(VerdictKind.VERIFIED, Trust.KERNEL_REPLAYED))
    message.kind = 99  # type: ignore[assignment]
    message.trust = 99  # type: ignore[assignment]
    verdict = values.verdict_from_proto(message)
    assert (verdict.kind, verdict.trust) == (VerdictKind.INFRASTRUCTURE, Trust.NONE)
    assert not verdict.verified


def test_every_message_field_is_explained_or_plain() -> None:
    for enum, kinds in ((verdict_pb2.DESCRIPTOR.pool.FindEnumTypeByName("leansieve.v1.VerdictKind"), VerdictKind),):
        names = {value.name.removeprefix("VERDICT_KIND_") for value in enum.values}
        assert names == {kind.name for kind in kinds} | {"UNSPECIFIED"}


@given(time)
def test_long_times_lose_nothing_on_the_way(seconds: float) -> None:
    assert fields.seconds(fields.duration(seconds)) == seconds


lean_text = text.filter(lambda one: "\0" not in one)
goals = st.lists(text, max_size=3).map(tuple)
hints = st.builds(
    Hint,
    st.sampled_from(Level),
    text,
    text,
    st.lists(st.builds(Checked, st.sampled_from(Fact), text), max_size=3).map(tuple),
    st.booleans(),
)
tutored = st.builds(
    Tutored,
    st.sampled_from(HintOutcome),
    text,
    st.none() | hints,
    st.lists(st.builds(LearnerStep, text, count, count, goals, count), max_size=3).map(tuple),
    goals,
    count,
    st.none() | st.builds(Refused, text, count, count, text, text),
    st.lists(st.tuples(text, text), max_size=2).map(tuple),
    st.dictionaries(st.sampled_from(Veto), st.integers(1, 9)),
    st.just(0),
    count,
).map(lambda one: dataclasses.replace(one, revisions=sum(one.vetoes.values())))


@given(tutored)
def test_hints_survive_the_journey(found: Tutored) -> None:
    assert hint_messages.response_from_proto(hint_messages.response_to_proto(found, "id")) == found


@given(
    st.builds(
        Tutoring,
        st.just(Theorem("theorem t : True")),
        lean_text,
        st.lists(st.builds(GivenHint, st.sampled_from(Level), text), max_size=3).map(tuple),
        st.lists(lean_text.filter(bool), max_size=2).map(tuple),
        st.booleans(),
        st.integers(1, 3600).map(float),
    )
)
def test_questions_for_hints_survive_the_journey(wish: Tutoring) -> None:
    request = hint_messages.request_to_proto(wish)
    validate(request)
    back = hint_messages.request_from_proto(request, bounds(Settings())[0], 10.0, TextSettings())
    assert back == wish


def test_a_text_without_utf8_is_refused_before_it_is_sent() -> None:
    with pytest.raises(InputError, match="the statement holds a lone surrogate at character 12: send UTF-8"):
        values.theorem_to_proto(Theorem("theorem t : \ud800"))
    for mode in Mode:
        check = Check(Theorem("theorem t : 1 = 1"), Candidate("by \ud800", mode))
        with pytest.raises(InputError, match=f"the {mode} holds a lone surrogate at character 3: send UTF-8"):
            values.check_to_proto(check)
