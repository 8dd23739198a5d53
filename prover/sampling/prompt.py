"""Prompt formats: how a theorem is put to a language model, and where the proof stands in its answer."""

import re
from typing import Protocol

from prover.sampling.diagnosis import Diagnosis
from prover.theorem import Header, Theorem
from prover.verdict import Message

_DEFAULT_HEADER = Header()

_HEAD = re.compile(r"theorem\s+(?:«[^»]*»|[^\s({\[:⦃])+?(?:\.\{[^}]*\}|(?=[\s({\[:⦃]))")

# A line that begins a new command: a base model that never emits its end token would otherwise write the next theorem.
_NEXT_COMMAND = (
    "\ntheorem ",
    "\nlemma ",
    "\nexample ",
    "\ndef ",
    "\nimport ",
    "\nopen ",
    "\nend ",
    "\n#",
    "\n/-",
    "\n@[",
)


class PromptFormat(Protocol):
    """One model family's way of being asked for a proof."""

    @property
    def name(self) -> str:
        """How configuration names this format."""
        ...

    @property
    def stop(self) -> tuple[str, ...]:
        """Texts that end the answer (besides the model's end token); they do not belong to it."""
        ...

    def render(self, theorem: Theorem) -> str:
        """The prompt."""
        ...

    def extract(self, answer: str) -> str:
        """The proof (what follows `:=`) in a model's answer."""
        ...

    def continuation(self, theorem: Theorem, prefix: str) -> str | None:
        """How an answer begins that begins with `prefix`, up to its last line's end; None if the model cannot go on from it.

        Args:
            prefix: `by`, and below it the tactics so far, each line indented.
        """
        ...

    def repair(self, theorem: Theorem, proof: str, error: Message) -> str | None:
        """The prompt that shows a proof which fails and Lean's first error; None if the model was not made for it."""
        ...


class SourceFormat:
    """The format of our own prover: the prompt is Lean source that stops after `:=`, the answer is what comes next.

    ::

        example (n : Nat) : n + 0 = n :=⟨end of prompt⟩ by
          rfl⟨end token⟩

    The theorem's name is left out: what a proof needs does not hang on it, and names of a corpus would only be learnt
    by heart. A header other than the default stands in front, then the context, each followed by a blank line. Prompt and answer
    are tokenised apart, in training as in sampling.
    """

    name = "source"
    stop = _NEXT_COMMAND

    def render(self, theorem: Theorem) -> str:
        """See the class."""
        header = "" if theorem.header == _DEFAULT_HEADER else theorem.header.text
        statement = _HEAD.sub("example", theorem.statement.strip(), count=1)
        parts = (header, theorem.context, statement + " :=")
        return "\n\n".join(stripped for part in parts if (stripped := part.strip()))

    def answer(self, proof: str) -> str:
        """What the model is trained to write for `proof`, without the end token."""
        return " " + proof.strip()

    def extract(self, answer: str) -> str:
        """See `PromptFormat.extract`; undoes `answer`."""
        return answer.strip()

    def continuation(self, theorem: Theorem, prefix: str) -> str:
        """See `PromptFormat.continuation`."""
        return self.answer(prefix)

    def repair(self, theorem: Theorem, proof: str, error: Message) -> str | None:
        """A model of this format has read proofs, not errors."""
        return None


class CritiqueFormat(SourceFormat):
    """The same for a model that has read proofs which fail: it says where and why one fails, and writes another.

    ::

        example (n : Nat) : n + 0 = n := by
          omega
          simp
        -- error:⟨end of the prompt that asks for a diagnosis⟩ 3: unsolved goals⟨end token⟩

        example (n : Nat) : n + 0 = n := by
          omega
          simp
        -- error: 3: unsolved goals
        :=⟨end of the prompt that asks for a repair⟩ by
          rfl⟨end token⟩

    The diagnosis in a prompt for a repair is Lean's, or the model's own (`prover.sampling.diagnosis`).
    """

    name = "source-critique"

    def diagnosis(self, theorem: Theorem, proof: str) -> str:
        """The prompt that asks where a proof fails, and why."""
        return f"{self.render(theorem)}{self.answer(proof)}\n-- error:"

    def repaired(self, theorem: Theorem, proof: str, diagnosis: Diagnosis) -> str:
        """The prompt that asks for another proof."""
        return f"{self.diagnosis(theorem, proof)} {diagnosis}\n:="

    def repair(self, theorem: Theorem, proof: str, error: Message) -> str:
        """See `PromptFormat.repair`."""
        return self.repaired(theorem, proof, Diagnosis.of(error))
