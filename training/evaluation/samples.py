"""The raw material of an evaluation: a model's samples for every theorem, with their verdicts.

One JSON file per model, gzipped if its name ends in `.gz`. Equal texts are stored once with a count.
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
    """A distinct sample of a model for a theorem."""

    text: str
    """The candidate, as sampled."""
    count: int = Field(ge=1)
    """Number of times it was sampled."""
    verified: bool
    """Whether the kernel accepted it, in a clean environment."""
    term: str = ""
    """Digest of a verified proof's term; empty in files of earlier versions, and if the verdict has none."""


def judged(text: str, count: int, verdict: Verdict | None) -> SampledProof:
    """Return a text with the result of its check; None: it was not checked."""
    good = verdict is not None and verdict.verified
    return SampledProof(
        text=text, count=count, verified=good, term=verdict.term if verdict is not None and good else ""
    )


class TheoremSamples(_Record):
    """All samples for one theorem."""

    name: str
    """Name of the theorem in the corpus."""
    proofs: tuple[SampledProof, ...]
    """The distinct texts."""

    @property
    def samples(self) -> int:
        """Number of samples."""
        return sum(proof.count for proof in self.proofs)

    @property
    def verified(self) -> int:
        """Number of verified samples."""
        return sum(proof.count for proof in self.proofs if proof.verified)


class ModelSamples(_Record):
    """One model's samples on one corpus."""

    model: str
    """Name of the model in tables and plots."""
    corpus: str
    """Name of the corpus."""
    sampling: Mapping[str, float | int | None] = Field(default_factory=dict)
    """Sampling parameters: temperature, top_p, max_tokens, seed."""
    command: str = ""
    """The command that sampled."""
    weights: Mapping[str, str] = Field(default_factory=dict)
    """SHA-256 of each of the model's weight files; empty in files of earlier versions, like the next two fields."""
    algorithm: str = ""
    """The training algorithm; empty for a base, and for a model without a training record."""
    identity: str = ""
    """Digest of everything on which the samples depend: model, theorems, sampling and checking."""
    theorems: tuple[TheoremSamples, ...] = Field(min_length=1)
    """Every theorem of the corpus, solved or not."""

    @property
    def samples(self) -> int:
        """Samples per theorem: the minimum over theorems."""
        return min(theorem.samples for theorem in self.theorems)

    def save(self, path: Path) -> None:
        """Write the file atomically."""
        text = self.model_dump_json().encode()
        with atomic_write(path) as stream:
            # Without a time stamp, so that equal samples give equal files.
            stream.write(gzip.compress(text, mtime=0) if path.suffix == ".gz" else text)

    @classmethod
    def load(cls, path: Path) -> "ModelSamples":
        """Read the file.

        Raises:
            ValueError: the file is invalid; the text gives place and reason.
        """
        data = path.read_bytes()
        try:
            return cls.model_validate_json(gzip.decompress(data) if path.suffix == ".gz" else data)
        except (ValidationError, OSError, EOFError) as error:
            problem = error.errors()[0] if isinstance(error, ValidationError) else None
            reason = f"{'.'.join(map(str, problem['loc'])) or 'the file'}: {problem['msg']}" if problem else str(error)
            raise ValueError(f"{path} does not hold a model's samples ({reason}).") from error


def rollout_pass_rates(path: Path, max_tokens: int) -> dict[str, float]:
    """Return the share of verified samples of each theorem, by name, of a model sampled like rollouts.

    Args:
        path: file written by `ModelSamples.save`.
        max_tokens: maximum length of a rollout's response; it must be equal, because truncated responses count as
            wrong.

    Raises:
        ValueError: the file is invalid, or the sampling differs.
        OSError: it cannot be read.
    """
    samples = ModelSamples.load(path)
    for name, wanted in (("temperature", 1.0), ("top_p", 1.0), ("max_tokens", max_tokens)):
        if (found := samples.sampling.get(name)) != wanted:
            raise ValueError(
                f"{path} was sampled with {name} {found}, and rollouts are with {wanted:g}: sample the base again."
            )
    return {theorem.name: theorem.verified / theorem.samples for theorem in samples.theorems}
