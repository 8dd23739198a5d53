"""Structured answers of the tools. `success`: the tool ran. `ok`: Lean accepted. These are different facts."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from prover.assistance.suggest import Suggestion
from prover.errors import UserError
from prover.events import Proof, StatementNote
from prover.premises.query import Premise
from prover.requests import LateError, StatementError
from prover.source import showing
from prover.source.lean_file import Fault
from prover.source.scanner import Command
from prover.tutor.hints import Tutored
from prover.verdict import Message, Verdict
from service.mcp.errors import hint, reason

LONGEST_TEXT = 4_000
"""Maximum length of a text field in characters; the rest is cut off, with a mark that gives its length."""
MOST_ITEMS = 50
"""Maximum number of entries in a list; `partial` reports that there were more."""


def shortened(text: str) -> str:
    """Truncate `text` to `LONGEST_TEXT` characters."""
    return (
        text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}\n… {len(text) - LONGEST_TEXT:,} more characters"
    )


class ToolAnswer(BaseModel):
    """Fields that every answer has."""

    success: bool = Field(
        default=True, description="Whether the tool ran; if not, error_code, error and hint give the reason."
    )
    error_code: str = Field(default="", description="Stable name of the error, empty if there is none.")
    error: str = Field(default="", description="One sentence about the error.")
    hint: str = Field(default="", description="What to change before the next call.")
    timed_out: bool = Field(default=False, description="The time was over first: an empty list is not a 'no'.")
    partial: bool = Field(default=False, description="There is more than is shown.")

    @classmethod
    def failed(cls, error: UserError) -> Self:
        """Return the answer to a call that did not run; columns of this protocol count from 1."""
        if isinstance(error, StatementError):
            messages = [replace(message, column=message.column + 1) for message in error.verdict.messages]
            error = StatementError(replace(error.verdict, messages=tuple(messages)))
        return cls(
            success=False,
            error_code=reason(error),
            error=shortened(str(error)),
            hint=hint(error),
            timed_out=isinstance(error, LateError),
        )


class FaultItem(BaseModel):
    """A command that Lean rejects, above the requested position."""

    line: int = Field(description="Line of the file, from 1.")
    column: int = Field(description="Column, from 1.")
    text: str = Field(description="The first thing that Lean says of it.")

    @classmethod
    def of(cls, fault: Fault) -> "FaultItem":
        """Convert a fault; columns of this protocol count from 1."""
        return cls(line=fault.line, column=fault.column + 1, text=shortened(fault.text))


class FileAnswer(ToolAnswer):
    """An answer about Lean source."""

    note: str = Field(default="", description="What was not looked at, in a sentence.")
    not_run: list[str] = Field(
        default_factory=list,
        description="Commands that only show or test something and were not run, with their lines.",
    )
    faults_above: list[FaultItem] = Field(
        default_factory=list,
        description="Commands above it that Lean rejects: a theorem counts as a statement without proof, others are left out.",
    )

    def about(self, left_out: Sequence[Command] = (), faults: Sequence[Fault] = ()) -> Self:
        """Return a copy that also names the commands left out and the faults above."""
        update = {
            "note": showing.not_run(left_out),
            "not_run": showing.named(left_out),
            "faults_above": [FaultItem.of(fault) for fault in faults[:MOST_ITEMS]],
        }
        return self.model_copy(update=update)


class MessageItem(BaseModel):
    """One message of Lean."""

    severity: str = Field(description="error, warning or information")
    region: str = Field(
        description="The text it is about: header, context, statement or candidate (the proof); file: the whole file."
    )
    line: int = Field(description="Line in that text, from 1.")
    column: int = Field(description="Column in that text, from 1.")
    text: str

    @classmethod
    def of(cls, message: Message, whole_file: bool) -> "MessageItem":
        """Convert a message; columns of this protocol count from 1."""
        return cls(
            severity=message.severity,
            region="file" if whole_file else message.region.value,
            line=message.line,
            column=message.column + 1,
            text=shortened(message.text),
        )


class VerdictAnswer(FileAnswer):
    """Lean's verdict on one proof."""

    ok: bool = Field(default=False, description="The kernel accepted this proof of this statement.")
    verdict: str = Field(default="", description="A verdict's name; the resource leansieve://verdicts explains each.")
    trust: str = Field(default="", description="How far the proof was checked; leansieve://trust explains each tier.")
    axioms: list[str] = Field(default_factory=list, description="Axioms that the proof is known to use.")
    axioms_complete: bool = Field(
        default=False,
        description="Whether these are all: false where theorems of the library are used whose proofs it does not hold.",
    )
    messages: list[MessageItem] = Field(default_factory=list)

    @classmethod
    def of(cls, verdict: Verdict, whole_file: bool = False) -> "VerdictAnswer":
        """Convert a verdict; `whole_file`: positions of messages refer to a file."""
        return cls(
            ok=verdict.verified,
            verdict=verdict.kind.name,
            trust=verdict.trust.name,
            timed_out=verdict.kind.name == "TIMEOUT",
            axioms=list(verdict.axioms),
            axioms_complete=verdict.axioms_complete,
            messages=[MessageItem.of(message, whole_file) for message in verdict.messages[:MOST_ITEMS]],
            partial=len(verdict.messages) > MOST_ITEMS,
        )


class ToCheck(BaseModel):
    """One proof of a batch."""

    model_config = ConfigDict(extra="forbid")

    statement: str = Field(description="`theorem NAME binders : goal`, without `:=`.")
    proof: str = Field(description="The text after `:=`, as in `by omega`.")
    context: str = Field(default="", description="Lean source before the statement: definitions, notation, variables.")
    header: str = Field(default="", description="import, open and set_option lines; empty: Init and Std.")


class ChecksAnswer(ToolAnswer):
    """Verdicts on the proofs of a batch, in their order."""

    items: list[VerdictAnswer] = Field(default_factory=list)


class ProofItem(BaseModel):
    """One verified proof."""

    proof: str = Field(description="The text after `:=`.")
    trust: str
    axioms: list[str]
    axioms_complete: bool
    source: str = Field(description="The sampler that proposed it.")
    seconds: float = Field(description="Since the search began.")

    @classmethod
    def of(cls, proof: Proof) -> "ProofItem":
        """Convert a proof."""
        return cls(
            proof=proof.candidate.text,
            trust=proof.verdict.trust.name,
            axioms=list(proof.verdict.axioms),
            axioms_complete=proof.verdict.axioms_complete,
            source=proof.candidate.source,
            seconds=round(proof.seconds, 3),
        )


class NoteItem(BaseModel):
    """A peculiarity of a statement."""

    kind: str = Field(description="contradictory, unused, trivial or not_negated")
    text: str = Field(description="One sentence: the statement may not say what was meant.")
    names: list[str] = Field(description="Variables and hypotheses concerned.")

    @classmethod
    def of(cls, note: StatementNote) -> "NoteItem":
        """Convert a note."""
        return cls(kind=note.kind.value, text=shortened(note.text), names=[shortened(name) for name in note.names])


class ProveAnswer(ToolAnswer):
    """The outcome of a search."""

    ok: bool = Field(default=False, description="At least one verified proof was found.")
    goal: str = Field(default="", description="The goal as Lean prints it.")
    items: list[ProofItem] = Field(default_factory=list, description="Verified proofs, best first.")
    sampled: int = Field(default=0, description="Candidates sampled.")
    checked: int = Field(default=0, description="Candidates checked by Lean.")
    ending: str = Field(default="", description="Why the search ended.")
    hint: str = Field(default="", description="Why nothing could be found, where that is known.")
    notes: list[NoteItem] = Field(default_factory=list, description="Peculiarities of the statement.")


class CounterexampleItem(BaseModel):
    """A variable and its value."""

    name: str
    value: str


class DisproveAnswer(ToolAnswer):
    """The outcome of an attempt to refute a statement."""

    ok: bool = Field(default=False, description="It is refuted: the kernel accepted a proof of the negation.")
    negation: str = Field(default="", description="What was proved.")
    proof: str = Field(default="", description="The text after `:=`.")
    trust: str = Field(default="")
    axioms: list[str] = Field(default_factory=list)
    counterexample: list[CounterexampleItem] = Field(
        default_factory=list, description="Values for which the statement is false, where the proof is by such values."
    )
    statement_proof: str = Field(default="", description="A verified proof of the statement itself: it is not refuted.")
    notes: list[NoteItem] = Field(default_factory=list, description="Peculiarities of the statement.")


class HoleItem(BaseModel):
    """One `sorry` of a file."""

    line: int = Field(description="Line of the `sorry`, from 1.")
    start_line: int = Field(description="Line of the first character to replace, from 1.")
    start_column: int = Field(description="Its column, from 1.")
    end_line: int = Field(description="Line of the end of the text to replace, from 1.")
    end_column: int = Field(description="Column after the last character to replace, from 1.")
    replaces: str = Field(
        description="The text of that range, to be replaced as a whole: `sorry`, or a whole proof with its `by`."
    )
    theorem: str
    ok: bool = Field(description="A verified replacement was found.")
    replacement: str = Field(default="", description="Text to put in the place of `replaces`, unchanged.")
    error: str = Field(default="", description="Reason why there is none.")


class FillAnswer(FileAnswer):
    """The outcome of filling a file's holes; the file itself is not edited."""

    ok: bool = Field(default=False, description="Whether every requested hole has a verified replacement.")
    items: list[HoleItem] = Field(default_factory=list)


class SuggestionItem(BaseModel):
    """One tactic that Lean ran."""

    tactic: str
    closes_goal: bool
    goals: list[str] = Field(description="Goals that remain of the first one.")
    source: str

    @classmethod
    def of(cls, one: Suggestion) -> "SuggestionItem":
        """Convert a suggestion."""
        return cls(
            tactic=one.tactic,
            closes_goal=one.outcome.value == "closes_goal",
            goals=[shortened(goal) for goal in one.goals],
            source=one.source,
        )


class PremiseItem(BaseModel):
    """One declaration of the library."""

    name: str
    kind: str = Field(description="theorem, definition, constructor, inductive, opaque or axiom")
    type: str = Field(description="As Lean prints it below header and context.")
    module: str
    outdated: bool = Field(description="Whether the library marks it as deprecated.")

    @classmethod
    def of(cls, one: Premise) -> "PremiseItem":
        """Convert a declaration."""
        return cls(name=one.name, kind=one.kind, type=shortened(one.type), module=one.module, outdated=one.outdated)


class SearchAnswer(ToolAnswer):
    """Declarations that match a query."""

    query_kind: str = Field(default="", description="How the query was read: name, pattern or goal.")
    items: list[PremiseItem] = Field(default_factory=list, description="Best first.")
    fitting: int = Field(default=0, description="How many fit in all.")


class GoalAnswer(FileAnswer):
    """Goals at a position in a file."""

    goals: list[str] = Field(default_factory=list, description="Open goals; tactics work on the first.")


class SuggestAnswer(GoalAnswer):
    """Tactics for a place."""

    items: list[SuggestionItem] = Field(default_factory=list, description="Best first.")
    tried: int = Field(default=0, description="Number of tactics tried in Lean.")


class EarlierHint(BaseModel):
    """An earlier hint."""

    model_config = ConfigDict(extra="forbid")

    level: str = Field(description="As in the answer that gave it.")
    step: str = Field(description="As in the answer that gave it.")


class HintAnswer(ToolAnswer):
    """A hint for a learner, and how far the learner's proof holds."""

    outcome: str = Field(
        default="",
        description="hint, proved, dead_end, theorem_false, not_continued, too_many_goals, case_missing or no_tactics",
    )
    sentence: str = Field(default="", description="The hint, or what there is to say instead of one.")
    level: str = Field(default="", description="question, direction, name, next_step or full_step; empty: no hint.")
    step: str = Field(default="", description="Names the step that the hint is about.")
    checked: list[str] = Field(default_factory=list, description="What Lean has said before the hint was given.")
    goals: list[str] = Field(default_factory=list, description="The first of the goals that are open.")
    open_goals: int = Field(default=0, description="How many are.")
    refused: str = Field(default="", description="The step that Lean rejects, with the reason.")
    counterexample: list[CounterexampleItem] = Field(default_factory=list, description="Where something is false.")

    @classmethod
    def of(cls, found: Tutored) -> "HintAnswer":
        """Convert the tutor's answer."""
        refused, hint = found.refused, found.hint
        return cls(
            outcome=found.outcome.value,
            sentence=shortened(found.sentence),
            level=hint.level.value if hint else "",
            step=hint.step if hint else "",
            checked=[f"{one.fact.value}: {one.about}" for one in hint.checked] if hint else [],
            goals=[shortened(goal) for goal in found.goals],
            open_goals=found.open,
            refused=shortened(f"line {refused.line}: {refused.text}: {refused.reason}") if refused else "",
            counterexample=[CounterexampleItem(name=name, value=value) for name, value in found.counterexample],
        )


class AttemptItem(VerdictAnswer):
    """A snippet of `lean_multi_attempt`, tried in place of the `sorry`."""

    snippet: str = ""


class AttemptsAnswer(FileAnswer):
    """Verdicts on several snippets, in their order."""

    items: list[AttemptItem] = Field(default_factory=list)
