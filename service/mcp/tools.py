"""The tools for agents, with their public names."""

import asyncio
import contextlib
import functools
import itertools
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from typing import Annotated, Any, Literal, TypeVar

from mcp.server.mcpserver import Context
from pydantic import FailFast, Field, ValidationError, WithJsonSchema

from prover.assistance import fill, standing
from prover.assistance.suggest import FilePosition, PrintedGoal, Suggest, Suggestions
from prover.candidate import Candidate
from prover.errors import InputError, UserError
from prover.events import Ending, Finished, Progress, Proof
from prover.options import CheckOptions, SearchOptions
from prover.premises.query import Premises, QueryKind, kind_of
from prover.requests import Accepted, Check, Search, Service
from prover.sampling.diagnosis import Diagnosis, ErrorKind
from prover.source import showing
from prover.source.lean_file import Fault, LeanFile, line_and_column
from prover.theorem import Theorem
from prover.tutor.hints import GivenHint, Level, Tutoring
from prover.verdict import Mode, Path, Verdict, VerdictKind
from service.auth.identity import Role
from service.core.endings import stuck
from service.core.limits.admission import bounds
from service.core.limits.text import read_theorem, take
from service.mcp import files
from service.mcp.answers import (
    MOST_ITEMS,
    AttemptItem,
    AttemptsAnswer,
    ChecksAnswer,
    CounterexampleItem,
    DisproveAnswer,
    EarlierHint,
    FillAnswer,
    GoalAnswer,
    HintAnswer,
    HoleItem,
    NoteItem,
    PremiseItem,
    ProofItem,
    ProveAnswer,
    SearchAnswer,
    SuggestAnswer,
    SuggestionItem,
    ToCheck,
    ToolAnswer,
    VerdictAnswer,
    shortened,
)
from service.mcp.arguments import refusal
from service.ops.config import Settings

_NO_TACTIC = "\N{WHITE SQUARE}"  # no tactic begins with it, so that only the goals are requested
# Verdicts that `#eval` and similar commands may have caused, rather than the declarations of the file.
_NOT_RUN = (VerdictKind.FORBIDDEN, VerdictKind.TIMEOUT, VerdictKind.OUT_OF_RESOURCES, VerdictKind.INFRASTRUCTURE)
_MOST_SNIPPETS = 32
_MOST_CHECKS = 100
_CHECKS_AT_ONCE = 8

Statement = Annotated[str, Field(description="`theorem NAME binders : goal`, without `:=`.")]
HeaderText = Annotated[str, Field(description="import, open and set_option lines; empty: Init and Std.")]
ContextText = Annotated[str, Field(description="Lean source before the statement: definitions, notation, variables.")]
FilePath = Annotated[str, Field(description="Absolute path of a .lean file.")]
_FURTHEST = 10_000_000  # line or column
Line = Annotated[int, Field(strict=True, ge=1, le=_FURTHEST, description="Line of the file, from 1.")]
Column = Annotated[
    int, Field(strict=True, ge=0, le=_FURTHEST, description="Column, from 1; 0: the `sorry` of the line.")
]
Seconds = Annotated[float, Field(strict=True, ge=0.001, le=3600, description="Time for the whole call.")]

# Read one by one, so that an item of the wrong form is answered by itself.
AnyItem = Annotated[Any, WithJsonSchema(ToCheck.model_json_schema())]

Answered = TypeVar("Answered", bound=ToolAnswer)
Tool = Callable[..., Coroutine[Any, Any, Answered]]


def answering(kind: type[Answered], role: Role) -> Callable[[Tool[Answered]], Tool[Answered]]:
    """Decorate a tool: errors become an answer of its own type, and callers need `role`."""

    def decorate(tool: Tool[Answered]) -> Tool[Answered]:
        @functools.wraps(tool)
        async def answered(tools: "Tools", *args: Any, **kwargs: Any) -> Answered:
            try:
                with tools.admitting(role):
                    return await tool(tools, *args, **kwargs)
            except UserError as error:
                return kind.failed(error)

        return answered

    return decorate


class Tools:
    """The tools of one server, over one service that all sessions share."""

    def __init__(
        self,
        service: Callable[[], Awaitable[Service]],
        settings: Settings,
        admitting: Callable[[Role], contextlib.AbstractContextManager[None]],
    ) -> None:
        """Use `service`, which is opened at the first call; `admitting` admits a call or raises UserError."""
        self._service = service
        self._settings = settings
        self._default, _ = bounds(settings)
        self.admitting = admitting

    @answering(ProveAnswer, Role.PROVE)
    async def lean_prove(
        self,
        progress: Context,
        statement: Statement,
        context: ContextText = "",
        header: HeaderText = "",
        proofs: Annotated[int, Field(strict=True, ge=1, le=32, description="Distinct proofs wanted.")] = 1,
        seconds: Seconds = 60.0,
    ) -> ProveAnswer:
        """Search proofs of a statement; every proof in the answer was accepted by Lean's kernel."""
        service = await self._service()
        theorem = read_theorem(statement, header, context, self._settings.text, instead="lean_check")
        return await self._search(service, Search(theorem, self._searching(seconds, proofs)), progress)

    @answering(DisproveAnswer, Role.PROVE)
    async def lean_disprove(
        self, statement: Statement, context: ContextText = "", header: HeaderText = "", seconds: Seconds = 30.0
    ) -> DisproveAnswer:
        """Look for a counterexample to a statement, for a proof of its negation, and of itself. That nothing is found says nothing."""
        service = await self._service()
        theorem = read_theorem(statement, header, context, self._settings.text, instead="lean_check")
        options = replace(self._searching(seconds), disprove=True, as_found=True)
        found, finished = await fill.search(service, Search(theorem, options), lambda _: None)
        notes = [NoteItem.of(note) for note in finished.notes]
        refutation = finished.refutation
        if refutation is None:
            proved = found[0].candidate.text if found else ""
            late = not found and finished.ending is Ending.SECONDS_SPENT
            return DisproveAnswer(statement_proof=proved, timed_out=late, notes=notes)
        verdict = refutation.proof.verdict
        return DisproveAnswer(
            ok=True,
            negation=refutation.statement,
            proof=refutation.proof.candidate.text,
            trust=verdict.trust.name,
            axioms=list(verdict.axioms),
            counterexample=[CounterexampleItem(name=name, value=value) for name, value in refutation.counterexample],
            notes=notes,
        )

    @answering(VerdictAnswer, Role.CHECK)
    async def lean_check(
        self,
        statement: Statement,
        proof: Annotated[str, Field(description="The text after `:=`, as in `by omega`.")],
        context: ContextText = "",
        header: HeaderText = "",
    ) -> VerdictAnswer:
        """Check one proof of one statement. `ok` is the kernel's word on exactly this statement, not "it compiled"."""
        service = await self._service()
        texts = self._settings.text
        theorem = read_theorem(statement, header, context, texts)
        candidate = Candidate(take("proof", proof, texts.candidate), source="agent")
        return VerdictAnswer.of(await service.check(Check(theorem, candidate, self._checking)))

    @answering(VerdictAnswer, Role.CHECK)
    async def lean_verify(
        self, file_path: FilePath, theorem_name: Annotated[str, Field(description="With or without its namespace.")]
    ) -> VerdictAnswer:
        """Verify the proof that a file has for one of its theorems, under what stands above it."""
        service, file = await self._service(), await files.read(file_path)
        item = files.theorem_named(file, theorem_name)
        judged = await standing.judge(service, file, item, self._checking)
        return VerdictAnswer.of(files.placed(judged, item), whole_file=True).about(
            files.left_out(file, item), judged.faults
        )

    @answering(VerdictAnswer, Role.CHECK)
    async def lean_run_code(
        self, code: Annotated[str, Field(description="A whole Lean file; imports first.")]
    ) -> VerdictAnswer:
        """Run a whole file and return Lean's messages, those of `#eval` and `#check` too; `ok`: it rests on no `sorry` and no axiom of its own."""
        service, text = await self._service(), take("code", code, self._settings.text.candidate)
        file = await asyncio.to_thread(files.parsed, text)
        nothing = Theorem("", file.header)
        verdict = await service.check(Check(nothing, Candidate(file.own, Mode.FILE, "agent"), self._checking))
        shown = showing.showing(file.commands)
        unread = _is_unread(verdict)
        if not shown or not (unread or verdict.kind in _NOT_RUN):
            return VerdictAnswer.of(file.placed(verdict), whole_file=True)
        # Commands that only display something may be refused here, or not terminate: without them the rest has a
        # verdict.
        rest = await service.check(Check(nothing, Candidate(file.whole(), Mode.FILE, "agent"), self._checking))
        if unread:
            new = tuple(one for one in rest.messages if one not in verdict.messages)
            verdict = replace(verdict, messages=(*verdict.messages, *new))
        else:
            verdict = rest
        return VerdictAnswer.of(file.placed(verdict), whole_file=True).about(shown)

    @answering(FillAnswer, Role.PROVE)
    async def lean_fill_sorries(
        self,
        progress: Context,
        file_path: FilePath,
        line: Annotated[
            int,
            Field(strict=True, ge=0, le=_FURTHEST, description="Only the `sorry`s on this line; 0: all of the file."),
        ] = 0,
        seconds: Seconds = 60.0,
    ) -> FillAnswer:
        """Find verified replacements for the `sorry`s of a file. The file is not edited: put `replacement` in the place of exactly the
        text `replaces` from start_line:start_column to end_line:end_column, which may be more than the word `sorry`; the last
        item first, so that the positions of the others stay true.
        """
        service, file = await self._service(), await files.read(file_path)
        wanted = files.holes_at(file, line) if line else fill.holes(file)
        ends = time.monotonic() + seconds
        items: list[HoleItem] = []
        faults: list[Fault] = []
        filling = fill.fill(service, file, wanted, self._searching(seconds), ends, judge_file=False)
        async with contextlib.aclosing(filling) as events:
            async for event in events:
                if isinstance(event, fill.HoleOutcome):
                    items.append(_filled(file, event))
                    await progress.report_progress(len(items), len(wanted), f"{event.item.name}")
                elif isinstance(event, fill.Fell):
                    faults.append(event.fault)
                elif isinstance(event, fill.Filled):
                    items = [
                        one.model_copy(update={"ok": False, "error": "does not verify with the other replacements"})
                        if became.hole in event.failed
                        else one
                        for one, became in zip(items, event.outcomes, strict=True)
                    ]
        answer = FillAnswer(ok=all(one.ok for one in items), items=items[:MOST_ITEMS], partial=len(items) > MOST_ITEMS)
        return answer.about(showing.showing(file.commands), faults)

    @answering(GoalAnswer, Role.PROVE)
    async def lean_goal(
        self,
        file_path: FilePath,
        line: Line,
        column: Column = 0,
    ) -> GoalAnswer:
        """Show the goals at a `sorry`, or after a tactic, of a file."""
        seconds = self._default.limits.seconds
        found, faults = await self._suggested_in_file(file_path, line, column, 1, seconds, _NO_TACTIC)
        return GoalAnswer(goals=[shortened(goal) for goal in found.goals]).about(faults=faults)

    @answering(SuggestAnswer, Role.PROVE)
    async def lean_suggest_tactics(
        self,
        file_path: FilePath,
        line: Line,
        column: Column = 0,
        most: Annotated[int, Field(strict=True, ge=1, le=32, description="Suggestions wanted.")] = 8,
        seconds: Seconds = 10.0,
    ) -> SuggestAnswer:
        """Suggest tactics for a place of a file; Lean has run each there."""
        found, faults = await self._suggested_in_file(file_path, line, column, most, seconds)
        return _suggested(found).about(faults=faults)

    @answering(SuggestAnswer, Role.PROVE)
    async def lean_suggest_for_goal(
        self,
        goal: Annotated[str, Field(description="A goal as Lean prints it, hypotheses and `⊢`.")],
        context: ContextText = "",
        header: HeaderText = "",
        most: Annotated[int, Field(strict=True, ge=1, le=32, description="Suggestions wanted.")] = 8,
        seconds: Seconds = 10.0,
    ) -> SuggestAnswer:
        """Suggest tactics for a printed goal; Lean has run each on it."""
        service, texts = await self._service(), self._settings.text
        under = read_theorem("", header, context, texts, stated=False).header
        place = PrintedGoal(take("goal", goal, texts.statement), under, context)
        return _suggested(await service.suggest(Suggest(place, most, seconds=seconds, check=self._checking)))

    @answering(HintAnswer, Role.PROVE)
    async def lean_hint(
        self,
        statement: Statement,
        proof: Annotated[
            str, Field(description="What follows `:=` so far: `by` and tactics. Empty: nothing yet.")
        ] = "",
        earlier: Annotated[
            tuple[EarlierHint, ...],
            FailFast(),  # the length of a tuple is looked at last
            Field(max_length=64, description="Hints given so far: one level more is given."),
        ] = (),
        context: ContextText = "",
        header: HeaderText = "",
        seconds: Seconds = 10.0,
    ) -> HintAnswer:
        """Give a learner one hint more for a partial proof, from a question to the whole next step; Lean has checked each."""
        service = await self._service()
        theorem = read_theorem(statement, header, context, self._settings.text, instead="lean_check")
        given = tuple(_earlier(one) for one in earlier)
        proof = take("proof", proof, self._settings.text.candidate)
        return HintAnswer.of(await service.hint(Tutoring(theorem, proof, given, seconds=seconds, check=self._checking)))

    @answering(SearchAnswer, Role.CHECK)
    async def lean_local_search(
        self,
        query: Annotated[
            str, Field(description="A part of a name; a pattern, as in `_ + ?a = ?a + _`; or a goal with `⊢`.")
        ],
        kind: Annotated[
            Literal["", "name", "pattern", "goal"], Field(description="How to read the query; empty: by its form.")
        ] = "",
        most: Annotated[int, Field(strict=True, ge=1, le=MOST_ITEMS, description="Declarations wanted.")] = 10,
        context: ContextText = "",
        header: HeaderText = "",
        seconds: Seconds = 10.0,
    ) -> SearchAnswer:
        """Find declarations of the imported library by name, by a pattern of their types, or by what a goal mentions."""
        if not take("query", query, self._settings.text.statement).strip():
            raise InputError("query", "the query is empty: give a part of a name, a pattern, or a goal")
        under = read_theorem("", header, context, self._settings.text, stated=False).header
        read_as = QueryKind(kind) if kind else kind_of(query)
        service = await self._service()
        try:
            found = await service.premises(Premises(read_as, query, under, context, most=most, seconds=seconds))
        except InputError as error:
            if error.field in ("goal.goal", *QueryKind):  # all are the query here
                raise InputError("query", str(error)) from None
            raise
        items = [PremiseItem.of(one) for one in found.premises]
        return SearchAnswer(
            query_kind=read_as.value, items=items, fitting=found.fitting, partial=found.fitting > len(items)
        )

    @answering(AttemptsAnswer, Role.CHECK)
    async def lean_multi_attempt(
        self,
        progress: Context,
        file_path: FilePath,
        line: Line,
        snippets: Annotated[list[str], Field(min_length=1, max_length=_MOST_SNIPPETS, description="Texts to try.")],
    ) -> AttemptsAnswer:
        """Put each snippet in the place of the `sorry` on a line and check the declaration; the file is not edited."""
        service, file = await self._service(), await files.read(file_path)
        hole = files.hole_at(file, line)
        items: list[AttemptItem] = []
        faults: list[Fault] = []
        for snippet in snippets:
            candidate = files.attempt(file, hole, take("snippets", snippet, self._settings.text.candidate))
            judged = await standing.judge(service, file, hole.item, self._checking, candidate)
            file = judged.file  # later snippets skip the commands that this one skipped
            faults += judged.faults
            verdict = VerdictAnswer.of(judged.verdict)
            items.append(AttemptItem(snippet=shortened(snippet), **verdict.model_dump()))
            await progress.report_progress(len(items), len(snippets))
        return AttemptsAnswer(items=items).about(files.left_out(file, hole.item), faults)

    @answering(ChecksAnswer, Role.CHECK)
    async def lean_check_batch(
        self,
        progress: Context,
        items: Annotated[list[AnyItem], Field(min_length=1, max_length=_MOST_CHECKS, description="What to check.")],
    ) -> ChecksAnswer:
        """Check many proofs, each of its own statement; an error in one does not affect the others."""
        service, room, done = await self._service(), asyncio.Semaphore(_CHECKS_AT_ONCE), 0

        async def check(number: int, unread: object) -> VerdictAnswer:
            nonlocal done
            async with room:
                try:
                    item, texts = _item(number, unread), self._settings.text
                    theorem = read_theorem(item.statement, item.header, item.context, texts)
                    candidate = Candidate(take("proof", item.proof, texts.candidate), source="agent")
                    found = VerdictAnswer.of(await service.check(Check(theorem, candidate, self._checking)))
                except UserError as error:
                    found = VerdictAnswer.failed(error)
            done += 1
            await progress.report_progress(done, len(items))
            return found

        return ChecksAnswer(items=await asyncio.gather(*map(check, itertools.count(), items)))

    async def _search(self, service: Service, request: Search, progress: Context) -> ProveAnswer:
        answer, found = ProveAnswer(), list[Proof]()
        async with contextlib.aclosing(service.prove(request)) as events:
            async for event in events:
                if isinstance(event, Accepted):
                    answer.goal = shortened(event.goal)
                elif isinstance(event, Proof):
                    found.append(event)
                elif isinstance(event, Progress):
                    await progress.report_progress(
                        event.seconds, request.options.budget.seconds, f"{event.checked} checked"
                    )
                elif isinstance(event, Finished):
                    found = list(event.proofs) or found
                    answer.sampled, answer.checked = event.spent.sampled, event.spent.checked
                    answer.ending = event.ending.value
                    answer.hint = stuck(event.stuck_at) if event.stuck_at else ""
                    answer.notes = [NoteItem.of(note) for note in event.notes]
        answer.items = [ProofItem.of(proof) for proof in found]
        answer.ok = bool(found)
        answer.timed_out = not found and answer.ending == "seconds_spent"
        return answer

    async def _suggested_in_file(
        self, file_path: str, line: int, column: int, most: int, seconds: float, prefix: str = ""
    ) -> tuple[Suggestions, tuple[Fault, ...]]:
        service, read = await self._service(), await files.read(file_path)
        item, at, shift = files.place_of(read, line, column)

        def ask(file: LeanFile) -> Suggest:
            position = FilePosition(file.as_it_stands(item) if item else file.text, at, shift)
            return Suggest(position, most, prefix, seconds, self._checking)

        return await standing.suggest(service, read, ask)

    @property
    def _checking(self) -> CheckOptions:
        return self._default.options().check

    def _searching(self, seconds: float, proofs: int = 1) -> SearchOptions:
        budget = replace(self._default.budget, seconds=seconds, proofs=proofs)
        return replace(self._default.options(), budget=budget)


def _filled(file: LeanFile, outcome: fill.HoleOutcome) -> HoleItem:
    said = outcome.verdict.messages if outcome.verdict else ()
    reason = "" if outcome.proof else (said[0].text if said else "no proof was found in the time given")
    hole = outcome.hole
    (start_line, start), (end_line, end) = (line_and_column(file.text, at) for at in (hole.start, hole.end))
    return HoleItem(
        line=files.line_of(file, hole),
        start_line=start_line,
        start_column=start + 1,
        end_line=end_line,
        end_column=end + 1,
        replaces=file.text[hole.start : hole.end],
        theorem=outcome.item.name,
        ok=outcome.proof is not None,
        replacement=outcome.replacement,
        error=shortened(reason),
    )


def _item(number: int, item: object) -> ToCheck:
    try:
        return ToCheck.model_validate(item)
    except ValidationError as error:
        raise refusal("lean_check_batch", error, tuple(ToCheck.model_fields), ("items", number)) from None


def _earlier(one: EarlierHint) -> GivenHint:
    if one.level not in list(Level):
        raise InputError("earlier", f"{one.level[:40]!r} is not a level of hints: {', '.join(Level)}")
    return GivenHint(Level(one.level), one.step)


def _suggested(found: Suggestions) -> SuggestAnswer:
    return SuggestAnswer(
        goals=[shortened(goal) for goal in found.goals],
        items=[SuggestionItem.of(one) for one in found.suggestions],
        tried=found.tried,
    )


def _is_unread(verdict: Verdict) -> bool:
    """Whether quarantine stopped at a syntax error, which hides all other messages of a file."""
    syntax = all(Diagnosis.of(one).kind is ErrorKind.SYNTAX for one in verdict.messages)
    return verdict.path is Path.QUARANTINE and verdict.kind is VerdictKind.REJECTED and syntax
