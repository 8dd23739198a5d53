"""Answers of searches: proofs, refutations, filled holes."""

from pydantic import BaseModel, Field

from prover.assistance.holes import HoleOutcome
from prover.events import Proof, StatementNote
from prover.source.lean_file import LeanFile, line_and_column
from service.mcp import files
from service.mcp.answers.answer import FileAnswer, ToolAnswer, shortened


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

    @classmethod
    def of(cls, file: LeanFile, outcome: HoleOutcome) -> "HoleItem":
        """Convert an outcome; columns of this protocol count from 1."""
        messages = outcome.verdict.messages if outcome.verdict else ()
        none = "no proof was found in the time given" if outcome.timed_out else "no proof was found: all was tried"
        reason = "" if outcome.proof else messages[0].text if messages else none
        hole = outcome.hole
        (start_line, start), (end_line, end) = (line_and_column(file.text, at) for at in (hole.start, hole.end))
        return cls(
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


class FillAnswer(FileAnswer):
    """The outcome of filling a file's holes; the file itself is not edited."""

    ok: bool = Field(default=False, description="Whether every requested hole has a verified replacement.")
    items: list[HoleItem] = Field(default_factory=list)
