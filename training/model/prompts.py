"""Prompt formats of published provers, according to their model cards (retrieved 2026-11-23).

| name | model card | form |
|---|---|---|
| `deepseek-prover-v1.5` | deepseek-ai/DeepSeek-Prover-V1.5-RL | a completion that stops inside an open code block |
| `deepseek-prover-v2` | deepseek-ai/DeepSeek-Prover-V2-7B | chat; a plan first, then a code block with the whole theorem |
| `goedel-prover-v2` | Goedel-LM/Goedel-Prover-V2-8B | the same wording |
| `kimina-prover` | AI-MO/Kimina-Prover-Distill-8B | chat with a system message; thinks first |

They were trained with Mathlib: their theorems have a header such as `import Mathlib`, `import Aesop`, `set_option
maxHeartbeats …`, `open BigOperators Real Nat Topology Rat`.
"""

import re
import textwrap
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Protocol

from prover.sampling.prompt import PromptFormat
from prover.sampling.questions import own_formats
from prover.source.lexer import Token, tokenize
from prover.theorem import Theorem
from prover.verdict import Message
from training.corpus.record import end_of_statement

_CODE_BLOCK = re.compile(r"```[ \t]*(?:lean4?|tactics)?[ \t]*\n(.*?)(?:\n?```|\Z)", re.DOTALL | re.IGNORECASE)
_COMMAND = re.compile(
    r"^(?:@\[|/-|--|\w*def\b|abbrev\b|instance\b|structure\b|inductive\b|open\b|end\b|namespace\b|section\b|variable\b|set_option\b|#)",
    re.MULTILINE,
)
_PLAN = (
    "Before producing the Lean 4 code to formally prove the given theorem, provide a detailed proof plan outlining the "
    "main proof steps and strategies.\n"
    "The plan should highlight key ideas, intermediate lemmas, and proof structures that will guide the construction of "
    "the final formal proof."
)
_FAILED = (
    "The proof (Round 0) is not correct. Following is the compilation error message, where we use <error></error> to "
    "signal the position of the error.\n\n{error}\n\n"
    "Before producing the Lean 4 code to formally prove the given theorem, provide a detailed analysis of the error "
    "message."
)


class ChatTokenizer(Protocol):
    """The required part of a model's tokenizer: its chat template."""

    def apply_chat_template(
        self, conversation: list[dict[str, str]], *, tokenize: bool, add_generation_prompt: bool
    ) -> Any:
        """Return the conversation in the model's format."""
        ...


class CompletionFormat:
    """DeepSeek-Prover-V1.5: the model continues after `:= by` and closes the code block itself."""

    name = "deepseek-prover-v1.5"
    stop = ("```",)

    def render(self, theorem: Theorem) -> str:
        """Return the prompt, up to the line after `:= by`."""
        return f"Complete the following Lean 4 code:\n\n```lean4\n{_source(theorem)} := by\n"

    def extract(self, answer: str) -> str:
        """Return the model's tactics as a proof."""
        return "by\n" + answer.partition("```")[0].rstrip()

    def continuation(self, theorem: Theorem, prefix: str) -> str:
        """Return the prefix without `by`, which is part of the prompt."""
        return prefix.removeprefix("by").removeprefix("\n")

    def repair(self, theorem: Theorem, proof: str, error: Message) -> None:
        """Return None: the model card describes no such request."""


class PlanFormat:
    """DeepSeek-Prover-V2 and Goedel-Prover-V2: the answer repeats the theorem in its last code block."""

    stop: tuple[str, ...] = ()

    def __init__(self, name: str, tokenizer: ChatTokenizer) -> None:
        self.name = name
        self._tokenizer = tokenizer

    def render(self, theorem: Theorem) -> str:
        """Return the chat, up to the model's answer."""
        return _chat(self._tokenizer, self._request(theorem))

    def continuation(self, theorem: Theorem, prefix: str) -> None:
        """Return None: the model plans before it writes."""

    def repair(self, theorem: Theorem, proof: str, error: Message) -> str | None:
        """Return the continued chat: Goedel-Prover-V2 was trained for it (arXiv 2508.03613, verifier-guided
        self-correction).
        """
        if self.name != "goedel-prover-v2":
            return None
        failed = f"```lean4\n{_source(theorem)} := {proof}\n```"
        return _chat(self._tokenizer, self._request(theorem), failed, _FAILED.format(error=_described(proof, error)))

    def _request(self, theorem: Theorem) -> str:
        code = f"```lean4\n{_source(theorem)} := by\n  sorry\n```"
        return f"Complete the following Lean 4 code:\n\n{code}\n\n{_PLAN}"

    def extract(self, answer: str) -> str:
        """Return the text after `:=` in the last theorem of the last code block, with the lemmas before it."""
        return last_proof(answer)


class KiminaFormat:
    """Kimina-Prover: reasons first, then answers with the theorem in its last code block."""

    name = "kimina-prover"
    stop: tuple[str, ...] = ()

    def __init__(self, tokenizer: ChatTokenizer) -> None:
        self._tokenizer = tokenizer

    def render(self, theorem: Theorem) -> str:
        """Return the chat, up to the model's answer."""
        return _chat(
            self._tokenizer,
            "Think about and solve the following problem step by step in Lean 4.\n"
            f"# Formal statement:\n```lean4\n{_source(theorem)} := by\n```\n",
            system="You are an expert in mathematics and Lean 4.",
        )

    def extract(self, answer: str) -> str:
        """See `PlanFormat.extract`; code inside the reasoning is ignored."""
        return last_proof(answer.rpartition("</think>")[2])

    def continuation(self, theorem: Theorem, prefix: str) -> None:
        """Return None: the model reasons before it writes."""

    def repair(self, theorem: Theorem, proof: str, error: Message) -> None:
        """Return None: the model card describes no such request."""


def prompt_format(name: str, tokenizer: ChatTokenizer) -> PromptFormat:
    """Return the format called `name`.

    Raises:
        ValueError: there is none.
    """
    match name:
        case "source" | "source-premises" | "source-critique":
            return own_formats(name, tokenizer)
        case "deepseek-prover-v1.5":
            return CompletionFormat()
        case "deepseek-prover-v2" | "goedel-prover-v2":
            return PlanFormat(name, tokenizer)
        case "kimina-prover":
            return KiminaFormat(tokenizer)
    choices = "source, source-premises, source-critique, deepseek-prover-v1.5, deepseek-prover-v2, goedel-prover-v2, kimina-prover"
    raise ValueError(f"Unknown prompt format {name!r}; the choices are {choices}.")


def last_proof(answer: str) -> str:
    """Return the proof of the last theorem in the last code block that has one; empty if there is none.

    Lemmas that the answer proves before it and uses are moved after the proof, into `where`; other declarations are
    left out.
    """
    for block in reversed(_CODE_BLOCK.findall(answer.replace("\r\n", "\n"))):
        tokens = list(tokenize(block))
        starts = [index for index, token in enumerate(tokens) if token.text in ("theorem", "lemma")]
        if not starts:
            continue
        edges = [*starts, len(tokens)]
        parts = [tokens[start:end] for start, end in pairwise(edges)]
        assign = end_of_statement(parts[-1])
        if assign is None:
            return ""
        proof = str(block[assign.end :]).strip()
        helpers: list[str] = []
        for part in reversed(parts[:-1]):
            used = {token.text for text in (proof, *helpers) for token in tokenize(text)}
            if len(part) > 1 and part[1].text in used and (helper := _helper(block, part)):
                helpers.insert(0, helper)
        if not helpers or any(token.text == "where" for token in parts[-1]):
            return proof
        return "\n".join([proof, "where", *(textwrap.indent(helper, "  ") for helper in helpers)])
    return ""


def _helper(block: str, tokens: Sequence[Token]) -> str:
    """Return a lemma as `NAME binders : goal := proof` for use in `where`; empty if the text after it does not belong
    to it.
    """
    if end_of_statement(tokens) is None:
        return ""
    text = block[tokens[0].end : tokens[-1].end]
    ended = _COMMAND.search(text)
    return (text[: ended.start()] if ended else text).strip()


def _source(theorem: Theorem) -> str:
    parts = (theorem.header.text, theorem.context, theorem.statement)
    return "\n\n".join(stripped for part in parts if (stripped := part.strip()))


def _chat(tokenizer: ChatTokenizer, *turns: str, system: str | None = None) -> str:
    """Return a conversation of user and model in turn, beginning and ending with the user, up to the model's answer."""
    conversation = [{"role": "system", "content": system}] if system else []
    for number, text in enumerate(turns):
        conversation.append({"role": "assistant" if number % 2 else "user", "content": text})
    return str(tokenizer.apply_chat_template(conversation, tokenize=False, add_generation_prompt=True))


def _described(proof: str, error: Message) -> str:
    """Describe the error for a model: the proof's lines around it, the marked position, and Lean's message."""
    lines = proof.split("\n")
    if 1 <= error.line <= len(lines):
        line = lines[error.line - 1]
        lines[error.line - 1] = f"{line[: error.column]}<error>{line[error.column :]}</error>"
    around = "\n".join(lines[max(0, error.line - 4) : error.line + 3])
    return f"Error 1:\n\nCorresponding Code:\n```lean4\n{around}\n```\n\nError Message: {error.text}"
