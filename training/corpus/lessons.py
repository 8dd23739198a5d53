"""What a model learns beside whole proofs: answers to other prompts, and which of two answers is better."""

from pydantic import BaseModel, ConfigDict


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Lesson(_Record):
    """A prompt and what to answer; one JSON object a line."""

    prompt: str
    """As the model reads it."""
    response: str
    """What it is to write."""


class Pair(_Record):
    """A prompt with a better and a worse answer; one JSON object a line."""

    prompt: str
    """As the model reads it."""
    preferred: str
    """The better answer."""
    rejected: str
    """The worse one."""
    why: str
    """Where it is from: `refined`, `mended`, `shorter`."""
