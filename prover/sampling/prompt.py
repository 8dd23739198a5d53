"""Prompt formats: how a theorem is presented to a language model, and how the proof is extracted from its answer."""

import re
from typing import Protocol

from prover.sampling.diagnosis import Diagnosis
from prover.theorem import Header, Theorem
from prover.verdict import Message

_DEFAULT_HEADER = Header()

_HEAD = re.compile(r"theorem\s+(?:«[^»]*»|[^\s({\[:⦃])+?(?:\.\{[^}]*\}|(?=[\s({\[:⦃]))")

# A line that begins a new command, at which the answer stops: a base model that never emits its end token would
# continue with another theorem.
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
    """The prompt format of a family of models."""

    @property
    def name(self) -> str:
        """The name of this format in the configuration."""
        ...

    @property
    def stop(self) -> tuple[str, ...]:
        """Texts that end the answer, besides the model's end token; they are not part of it."""
        ...

    def render(self, theorem: Theorem) -> str:
        """Return the prompt for a theorem."""
        ...

    def extract(self, answer: str) -> str:
        """Return the proof (the text after `:=`) from a model's answer."""
        ...

    def continuation(self, theorem: Theorem, prefix: str) -> str | None:
        """Return the beginning of an answer that starts with `prefix`, up to the end of its last line; None if the
        model cannot continue it.

        Args:
            prefix: `by`, with the tactics so far below it, each line indented.
        """
        ...

    def repair(self, theorem: Theorem, proof: str, error: Message) -> str | None:
        """Return the prompt with a failing proof and Lean's first error; None if the model was not trained on such
        prompts.
        """
        ...


class SourceFormat:
    """The format of this project's own models: the prompt is Lean source up to `:=`, the answer is its continuation.

    ::

        example (n : Nat) : n + 0 = n :=⟨end of prompt⟩ by
          rfl⟨end token⟩

    The theorem's name is left out: proofs do not depend on it, and models would only memorise names of the corpus. A
    header other than the default comes first, then the context, each followed by a blank line. Prompt and answer are
    tokenised separately, in training as in sampling.
    """

    name = "source"
    stop = _NEXT_COMMAND

    def render(self, theorem: Theorem) -> str:
        """Return the prompt in this format."""
        header = "" if theorem.header == _DEFAULT_HEADER else theorem.header.text
        statement = _HEAD.sub("example", theorem.statement.strip(), count=1)
        parts = (header, theorem.context, statement + " :=")
        return "\n\n".join(stripped for part in parts if (stripped := part.strip()))

    def answer(self, proof: str) -> str:
        """Return the text that the model is trained to write for `proof`, without the end token."""
        return " " + proof.strip()

    def extract(self, answer: str) -> str:
        """See `PromptFormat.extract`; the inverse of `answer`."""
        return answer.strip()

    def continuation(self, theorem: Theorem, prefix: str) -> str:
        """See `PromptFormat.continuation`."""
        return self.answer(prefix)

    def repair(self, theorem: Theorem, proof: str, error: Message) -> str | None:
        """Return None: a model of this format has been trained on proofs, not on errors."""
        return None


class PremisesFormat(SourceFormat):
    """`SourceFormat` for a model trained with suggested library theorems in front of each statement.

    ::

        -- Nat.add_zero, Nat.zero_add
        example (n : Nat) : n + 0 = n :=⟨end of prompt⟩ by
          rfl⟨end token⟩

    Without suggestions the first line is left out.
    """

    name = "source-premises"
    most = 8
    """Maximum number of suggestions in a prompt."""

    def render(self, theorem: Theorem) -> str:
        """See the class."""
        shown = ", ".join(theorem.suggested[: self.most])
        return f"-- {shown}\n{super().render(theorem)}" if shown else super().render(theorem)


class CritiqueFormat(SourceFormat):
    """`SourceFormat` for a model also trained on failing proofs: it diagnoses one and writes a repaired one.

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
        """Return the prompt that asks for the place and kind of a proof's error."""
        return f"{self.render(theorem)}{self.answer(proof)}\n-- error:"

    def repaired(self, theorem: Theorem, proof: str, diagnosis: Diagnosis) -> str:
        """Return the prompt that asks for another proof."""
        return f"{self.diagnosis(theorem, proof)} {diagnosis}\n:="

    def repair(self, theorem: Theorem, proof: str, error: Message) -> str:
        """See `PromptFormat.repair`."""
        return self.repaired(theorem, proof, Diagnosis.of(error))
