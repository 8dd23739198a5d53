"""Answers with verdicts of Lean, and the items of a batch of checks."""

from pydantic import BaseModel, ConfigDict, Field

from prover.verdict import Message, Verdict
from service.mcp.answers.answer import MOST_ITEMS, FileAnswer, ToolAnswer, shortened


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


class AttemptItem(VerdictAnswer):
    """A snippet of `lean_multi_attempt`, tried in place of the `sorry`."""

    snippet: str = ""


class AttemptsAnswer(FileAnswer):
    """Verdicts on several snippets, in their order."""

    items: list[AttemptItem] = Field(default_factory=list)
