"""Answers about the next step: tactics, goals, declarations of the library, hints."""

from pydantic import BaseModel, ConfigDict, Field

from prover.assistance.suggest import Suggestion, Suggestions
from prover.errors import InputError
from prover.premises.query import Premise
from prover.tutor.hints import GivenHint, Level, Tutored
from service.mcp.answers.answer import FileAnswer, ToolAnswer, shortened
from service.mcp.answers.searches import CounterexampleItem


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


class GoalAnswer(FileAnswer):
    """Goals at a position in a file."""

    goals: list[str] = Field(default_factory=list, description="Open goals; tactics work on the first.")


class SuggestAnswer(GoalAnswer):
    """Tactics for a place."""

    items: list[SuggestionItem] = Field(default_factory=list, description="Best first.")
    tried: int = Field(default=0, description="Number of tactics tried in Lean.")

    @classmethod
    def of(cls, found: Suggestions) -> "SuggestAnswer":
        """Convert suggestions."""
        return cls(
            goals=[shortened(goal) for goal in found.goals],
            items=[SuggestionItem.of(one) for one in found.suggestions],
            tried=found.tried,
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


class EarlierHint(BaseModel):
    """An earlier hint."""

    model_config = ConfigDict(extra="forbid")

    level: str = Field(description="As in the answer that gave it.")
    step: str = Field(description="As in the answer that gave it.")

    def given(self) -> GivenHint:
        """Convert to a hint of the tutor.

        Raises:
            InputError: there is no such level.
        """
        if self.level not in list(Level):
            raise InputError("earlier", f"{self.level[:40]!r} is not a level of hints: {', '.join(Level)}")
        return GivenHint(Level(self.level), self.step)


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
