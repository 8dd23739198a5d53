"""Tools about a statement or a goal that the agent sends."""

import asyncio
import contextlib
import itertools
from dataclasses import replace
from typing import Annotated, Any, Literal

from mcp.server.mcpserver import Context
from pydantic import FailFast, Field, ValidationError, WithJsonSchema

from prover.assistance import fill
from prover.assistance.suggest import PrintedGoal, Suggest
from prover.candidate import Candidate
from prover.errors import InputError, UserError
from prover.events import Ending, Finished, Progress, Proof
from prover.premises.query import Premises, QueryKind, kind_of
from prover.requests import Accepted, Check, Search, Service, Starting
from prover.source.typed import read_theorem, take, take_candidate
from prover.tutor.hints import Tutoring
from prover.verdict import Mode
from service.auth.identity import Role
from service.core.endings import stuck
from service.mcp.answers.answer import MOST_ITEMS, shortened
from service.mcp.answers.searches import CounterexampleItem, DisproveAnswer, NoteItem, ProofItem, ProveAnswer
from service.mcp.answers.suggestions import EarlierHint, HintAnswer, PremiseItem, SearchAnswer, SuggestAnswer
from service.mcp.answers.verdicts import ChecksAnswer, ToCheck, VerdictAnswer
from service.mcp.errors import refusal
from service.mcp.tools.arguments import ContextText, HeaderText, Seconds, Statement, Wanted
from service.mcp.tools.tool import Tools, answering

_MOST_CHECKS = 100
_CHECKS_AT_ONCE = 8

# Read one by one, so that an item of the wrong form is answered by itself.
AnyItem = Annotated[Any, WithJsonSchema(ToCheck.model_json_schema())]


class StatementTools(Tools):
    """Tools about a statement or a goal in the arguments."""

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
        candidate = Candidate(take_candidate(Mode.PROOF, proof, texts.candidate), source="agent")
        return VerdictAnswer.of(await service.check(Check(theorem, candidate, self._checking)))

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
                    candidate = Candidate(take_candidate(Mode.PROOF, item.proof, texts.candidate), source="agent")
                    found = VerdictAnswer.of(await service.check(Check(theorem, candidate, self._checking)))
                except UserError as error:
                    found = VerdictAnswer.failed(error)
            done += 1
            await progress.report_progress(done, len(items))
            return found

        return ChecksAnswer(items=await asyncio.gather(*map(check, itertools.count(), items)))

    @answering(SuggestAnswer, Role.PROVE)
    async def lean_suggest_for_goal(
        self,
        goal: Annotated[str, Field(description="A goal as Lean prints it, hypotheses and `⊢`.")],
        context: ContextText = "",
        header: HeaderText = "",
        most: Wanted = 8,
        seconds: Seconds = 10.0,
    ) -> SuggestAnswer:
        """Suggest tactics for a printed goal; Lean has run each on it."""
        service, texts = await self._service(), self._settings.text
        under = read_theorem("", header, context, texts, stated=False).header
        place = PrintedGoal(take("goal", goal, texts.statement), under, context)
        return SuggestAnswer.of(await service.suggest(Suggest(place, most, seconds=seconds, check=self._checking)))

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
        hints = tuple(one.given() for one in earlier)
        proof = take_candidate(Mode.PROOF, proof, self._settings.text.candidate)
        return HintAnswer.of(await service.hint(Tutoring(theorem, proof, hints, seconds=seconds, check=self._checking)))

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

    async def _search(self, service: Service, request: Search, progress: Context) -> ProveAnswer:
        answer, found = ProveAnswer(), list[Proof]()
        async with contextlib.aclosing(service.prove(request)) as events:
            async for event in events:
                if isinstance(event, Starting):
                    await progress.report_progress(event.seconds, request.options.budget.seconds, event.activity)
                elif isinstance(event, Accepted):
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


def _item(number: int, item: object) -> ToCheck:
    try:
        return ToCheck.model_validate(item)
    except ValidationError as error:
        raise refusal("lean_check_batch", error, tuple(ToCheck.model_fields), ("items", number)) from None
