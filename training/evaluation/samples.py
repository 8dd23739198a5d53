"""The raw material of an evaluation: what a model sampled for every theorem, and which samples were verified.

One JSON file a model, gzipped where its name ends in `.gz`. Equal texts are kept once with a count.
"""

import gzip
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from prover.atomic import atomic_write
from prover.verdict import Verdict


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class SampledProof(_Record):
    """One text a model sampled for a theorem."""

    text: str
    """The candidate, as sampled."""
    count: int = Field(ge=1)
    """How often it was sampled."""
    verified: bool
    """Whether the kernel accepted it, on a clean environment."""
    term: str = ""
    """Digest of a verified proof's term; empty in files of earlier versions, and where the verdict has none."""


def judged(text: str, count: int, verdict: Verdict | None) -> SampledProof:
    """A text with what came of its check; None: it was not worth one."""
    good = verdict is not None and verdict.verified
    return SampledProof(
        text=text, count=count, verified=good, term=verdict.term if verdict is not None and good else ""
    )


class TheoremSamples(_Record):
    """All samples for one theorem."""

    name: str
    """The theorem's name in the corpus."""
    proofs: tuple[SampledProof, ...]
    """The distinct texts."""

    @property
    def samples(self) -> int:
        """How many were drawn."""
        return sum(proof.count for proof in self.proofs)

    @property
    def verified(self) -> int:
        """How many of them were verified."""
        return sum(proof.count for proof in self.proofs if proof.verified)


class ModelSamples(_Record):
    """One model's samples on one corpus."""

    model: str
    """What the model is called in tables and plots."""
    corpus: str
    """What the theorems are called."""
    sampling: Mapping[str, float | int | None] = Field(default_factory=dict)
    """How it was sampled: temperature, top_p, max_tokens, seed."""
    command: str = ""
    """The command that sampled."""
    weights: Mapping[str, str] = Field(default_factory=dict)
    """SHA-256 of each of the model's files of weights; empty in files of earlier versions, as are the next two."""
    algorithm: str = ""
    """What tuned the model; empty for a base, and for a model without a record of its training."""
    identity: str = ""
    """A digest of all that the samples depend on: model, theorems, and how they were drawn and checked."""
    theorems: tuple[TheoremSamples, ...] = Field(min_length=1)
    """Every theorem of the corpus, solved or not."""

    @property
    def samples(self) -> int:
        """Samples a theorem: the fewest that any has."""
        return min(theorem.samples for theorem in self.theorems)

    def save(self, path: Path) -> None:
        """Write the file whole or not at all."""
        text = self.model_dump_json().encode()
        with atomic_write(path) as stream:
            # No time stamp, so that the same samples give the same file.
            stream.write(gzip.compress(text, mtime=0) if path.suffix == ".gz" else text)

    @classmethod
    def load(cls, path: Path) -> "ModelSamples":
        """Read the file.

        Raises:
            ValueError: it is not such a file; the text says where and why.
        """
        data = path.read_bytes()
        try:
            return cls.model_validate_json(gzip.decompress(data) if path.suffix == ".gz" else data)
        except (ValidationError, OSError, EOFError) as error:
            what = error.errors()[0] if isinstance(error, ValidationError) else None
            reason = f"{'.'.join(map(str, what['loc'])) or 'the file'}: {what['msg']}" if what else str(error)
            raise ValueError(f"{path} does not hold a model's samples ({reason}).") from error


def rollout_pass_rates(path: Path, max_tokens: int) -> dict[str, float]:
    """The share of verified samples of each theorem, by name, of a model sampled as rollouts are.

    Args:
        path: what `ModelSamples.save` wrote.
        max_tokens: longest response of the rollouts; a longer one counts as wrong, so another length has another share.

    Raises:
        ValueError: it is not such a file, or was sampled otherwise.
        OSError: it cannot be read.
    """
    samples = ModelSamples.load(path)
    for name, wanted in (("temperature", 1.0), ("top_p", 1.0), ("max_tokens", max_tokens)):
        if (found := samples.sampling.get(name)) != wanted:
            raise ValueError(
                f"{path} was sampled with {name} {found}, and rollouts are with {wanted:g}: draw samples of the base anew."
            )
    return {theorem.name: theorem.verified / theorem.samples for theorem in samples.theorems}
