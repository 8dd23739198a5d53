"""Tools about a file on disk, or about a whole file that the agent sends. No file is edited."""

import asyncio
import contextlib
import time
from typing import Annotated

from mcp.server.mcpserver import Context
from pydantic import Field

from prover.assistance import commands, fill
from prover.assistance.holes import CommandRejected, Filled, HoleOutcome
from prover.assistance.suggest import FilePosition, Suggest, Suggestions
from prover.candidate import Candidate
from prover.requests import Check, StatementError
from prover.source import showing
from prover.source.faults import Fault
from prover.source.lean_file import LeanFile
from prover.source.scanner import Command
from prover.source.typed import take
from prover.theorem import Theorem
from prover.verdict import Mode, VerdictKind
from service.auth.identity import Role
from service.mcp import files
from service.mcp.answers.answer import MOST_ITEMS, shortened
from service.mcp.answers.searches import FillAnswer, HoleItem
from service.mcp.answers.suggestions import GoalAnswer, SuggestAnswer
from service.mcp.answers.verdicts import AttemptItem, AttemptsAnswer, VerdictAnswer
from service.mcp.tools.arguments import FURTHEST, Column, FilePath, Line, Seconds, Wanted
from service.mcp.tools.tool import Tools, answering

_NO_TACTIC = "\N{WHITE SQUARE}"  # no tactic begins with it, so that only the goals are requested
# Verdicts that `#eval` and similar commands may have caused, rather than the declarations of the file.
_NOT_RUN = (VerdictKind.FORBIDDEN, VerdictKind.TIMEOUT, VerdictKind.OUT_OF_RESOURCES, VerdictKind.INFRASTRUCTURE)
_MOST_SNIPPETS = 32


class FileTools(Tools):
    """Tools about Lean files."""

    @answering(VerdictAnswer, Role.CHECK)
    async def lean_verify(
        self, file_path: FilePath, theorem_name: Annotated[str, Field(description="With or without its namespace.")]
    ) -> VerdictAnswer:
        """Verify the proof that a file has for one of its theorems, under what stands above it."""
        service, file = await self._service(), await files.read(file_path)
        item = files.theorem_named(file, theorem_name)
        judged = await commands.judge(service, file, item, self._checking)
        return VerdictAnswer.of(files.placed(judged, item), whole_file=True).about(
            files.left_out(file, item), judged.faults
        )

    @answering(VerdictAnswer, Role.CHECK)
    async def lean_run_code(
        self, code: Annotated[str, Field(description="A whole Lean file; imports first.")]
    ) -> VerdictAnswer:
        """Run a whole file and return Lean's messages, those of `#eval` and `#check` too; `ok`: it depends on no `sorry` and no axiom of its own."""
        service, text = await self._service(), take("code", code, self._settings.text.candidate)
        file = await asyncio.to_thread(files.parsed, text)
        nothing = Theorem("", file.header)
        verdict = await service.check(Check(nothing, Candidate(file.own, Mode.FILE, "agent"), self._checking))
        shown = showing.showing(file.commands)
        if not shown or verdict.kind not in _NOT_RUN:
            return VerdictAnswer.of(file.placed(verdict), whole_file=True)
        # Commands that only display something may be refused here, or not terminate: without them the rest has a
        # verdict.
        verdict = await service.check(Check(nothing, Candidate(file.whole(), Mode.FILE, "agent"), self._checking))
        return VerdictAnswer.of(file.placed(verdict), whole_file=True).about(shown)

    @answering(FillAnswer, Role.PROVE)
    async def lean_fill_sorries(
        self,
        progress: Context,
        file_path: FilePath,
        line: Annotated[
            int,
            Field(strict=True, ge=0, le=FURTHEST, description="Only the `sorry`s on this line; 0: all of the file."),
        ] = 0,
        seconds: Seconds = 60.0,
    ) -> FillAnswer:
        """Find verified replacements for the `sorry`s of a file. The file is not edited: put `replacement` in the place of exactly the
        text `replaces` from start_line:start_column to end_line:end_column, which may be more than the word `sorry`; the last
        item first, so that the positions of the others stay true.
        """
        service, file = await self._service(), await files.read(file_path)
        wanted = files.holes_at(file, line) if line else files.required_holes(file)
        ends = time.monotonic() + seconds
        items: list[HoleItem] = []
        faults: list[Fault] = []
        late = False
        filling = fill.fill(service, file, wanted, self._searching(seconds), ends, judge_file=False)
        async with contextlib.aclosing(filling) as events:
            async for event in events:
                if isinstance(event, HoleOutcome):
                    items.append(HoleItem.of(file, event))
                    late |= event.timed_out
                    await progress.report_progress(len(items), len(wanted), f"{event.item.name}")
                elif isinstance(event, CommandRejected):
                    faults.append(event.fault)
                elif isinstance(event, Filled):
                    items = [
                        one.model_copy(update={"ok": False, "error": "does not verify with the other replacements"})
                        if became.hole in event.failed
                        else one
                        for one, became in zip(items, event.outcomes, strict=True)
                    ]
        answer = FillAnswer(
            ok=all(one.ok for one in items),
            items=items[:MOST_ITEMS],
            partial=len(items) > MOST_ITEMS,
            timed_out=late,
        )
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
        found, left_out, faults = await self._suggested_in_file(file_path, line, column, 1, seconds, _NO_TACTIC)
        return GoalAnswer(goals=[shortened(goal) for goal in found.goals]).about(left_out, faults)

    @answering(SuggestAnswer, Role.PROVE)
    async def lean_suggest_tactics(
        self,
        file_path: FilePath,
        line: Line,
        column: Column = 0,
        most: Wanted = 8,
        seconds: Seconds = 10.0,
    ) -> SuggestAnswer:
        """Suggest tactics for a place of a file; Lean has run each there."""
        found, left_out, faults = await self._suggested_in_file(file_path, line, column, most, seconds)
        return SuggestAnswer.of(found).about(left_out, faults)

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
            judged = await commands.judge(service, file, hole.item, self._checking, candidate)
            file = judged.file  # later snippets skip the commands that this one skipped
            faults += judged.faults
            verdict = VerdictAnswer.of(judged.verdict)
            items.append(AttemptItem(snippet=shortened(snippet), **verdict.model_dump()))
            await progress.report_progress(len(items), len(snippets))
        return AttemptsAnswer(items=items).about(files.left_out(file, hole.item), faults)

    async def _suggested_in_file(
        self, file_path: str, line: int, column: int, most: int, seconds: float, prefix: str = ""
    ) -> tuple[Suggestions, tuple[Command, ...], tuple[Fault, ...]]:
        """Return the suggestions, and of what is above them the commands that are not run and those that Lean rejects."""
        service, read = await self._service(), await files.read(file_path)
        item, at, shift = files.place_of(read, line, column)

        async def ask(file: LeanFile) -> Suggestions:
            position = FilePosition(file.as_it_stands(item) if item else file.text, at, shift)
            return await service.suggest(Suggest(position, most, prefix, seconds, self._checking))

        try:
            found, _, faults = await commands.despite_faults(read, ask)
        except StatementError as error:
            raise error if item is None else files.placed_error(read, item, error) from None
        return found, files.left_out(read, item) if item else (), faults
