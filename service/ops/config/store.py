"""Settings of persistent data: the store of proofs, batches, and classrooms."""

from pydantic import Field, SecretStr

from service.ops.config.section import Section


class StoreSettings(Section):
    """The database of verified proofs, failed searches, batches, and classrooms."""

    url: SecretStr = SecretStr("")
    """`postgresql://USER:PASSWORD@HOST/NAME`, `sqlite:///FILE` or the path of a file; by default `store.sqlite` in the
    user's data folder. `none`: nothing is stored, and batches and classrooms are not available. Several servers may
    share one.
    """
    proofs: int = Field(default=1_000_000, ge=1)
    """Maximum number of proofs; the least recently used are deleted first."""
    megabytes: int = Field(default=2048, ge=1)
    """Maximum size of proofs, in MiB."""


class BatchSettings(Section):
    """Settings of batches."""

    concurrency: int | None = Field(default=None, ge=1, le=4096)
    """Number of theorems of batches in progress on this server; by default its number of Lean workers."""
    items: int = Field(default=100_000, ge=1)
    """Maximum number of theorems in a batch."""
    unfinished: int = Field(default=1_000_000, ge=1)
    """Maximum number of unfinished theorems in all batches; further batches are asked to retry later."""
    unfinished_each: int = Field(default=250_000, ge=1)
    """Maximum number of unfinished theorems of one client."""
    lease_seconds: float = Field(default=30.0, ge=1.0)
    """Time after which other servers take over the items of a silent server."""
    keep_days: float = Field(default=30.0, gt=0)
    """Days that a finished batch is kept."""


class ClassroomSettings(Section):
    """Settings of classrooms. Learners' work is stored only in a classroom that a teacher has opened, until it ends."""

    most: int = Field(default=100, ge=1)
    """Maximum number of classrooms."""
    most_each: int = Field(default=32, ge=1)
    """Maximum number of classrooms of one client."""
    theorems: int = Field(default=32, ge=1, le=1024)
    """Maximum number of theorems in a classroom."""
    theorem_bytes: int = Field(default=256 << 10, ge=1)
    """Maximum total size of a classroom's theorems with contexts and the teacher's proofs, in bytes."""
    learners: int = Field(default=100, ge=1)
    """Maximum number of learners in a classroom."""
    proof_bytes: int = Field(default=16 << 10, ge=1)
    """Maximum size of a learner's proof, in UTF-8 bytes."""
    keep_days: float = Field(default=90.0, gt=0, le=3650)
    """Maximum duration of a classroom in days; at its end it is deleted with its learners and their work."""
