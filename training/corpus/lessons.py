"""Training data other than whole proofs: answers to other prompts, and preference pairs."""

from pydantic import BaseModel, ConfigDict


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Lesson(_Record):
    """A prompt and its answer; one JSON object per line."""

    prompt: str
    """The prompt in the model's format."""
    response: str
    """The answer to learn."""


class Pair(_Record):
    """A prompt with a better and a worse answer; one JSON object per line."""

    prompt: str
    """The prompt in the model's format."""
    preferred: str
    """The better answer."""
    rejected: str
    """The worse one."""
    why: str
    """Origin of the pair: `refined`, `mended`, `shorter`."""
