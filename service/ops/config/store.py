"""Settings of what outlives the server: the store of proofs, batches, and classrooms."""

from pydantic import Field, SecretStr

from service.ops.config.section import Section


class StoreSettings(Section):
    """The database of verified proofs, of searches that failed, of batches, and of classrooms."""

    url: SecretStr = SecretStr("")
    """`postgresql://USER:PASSWORD@HOST/NAME`, `sqlite:///FILE` or the path of a file; by default `store.sqlite` in the
    user's data folder. `none`: nothing is kept, and there are no batches and no classrooms. Several servers may share one."""
    proofs: int = Field(default=1_000_000, ge=1)
    """Most proofs kept; the least recently used go first."""
    megabytes: int = Field(default=2048, ge=1)
    """Most space for them, in MiB."""


class BatchSettings(Section):
    """Batches."""

    concurrency: int | None = Field(default=None, ge=1, le=4096)
    """Theorems of batches that this server works on at once; by default as many as it has Lean workers."""
    items: int = Field(default=100_000, ge=1)
    """Most theorems of one batch."""
    unfinished: int = Field(default=1_000_000, ge=1)
    """Most unfinished theorems of all batches together; further batches are told to come back."""
    unfinished_each: int = Field(default=250_000, ge=1)
    """Most unfinished theorems of one client."""
    lease_seconds: float = Field(default=30.0, ge=1.0)
    """How long a server may be silent before others take over what it worked on."""
    keep_days: float = Field(default=30.0, gt=0)
    """How long a finished batch can be read."""


class ClassroomSettings(Section):
    """Classrooms: what learners write is kept only in one that a teacher has opened, and no longer than it lasts."""

    most: int = Field(default=100, ge=1)
    """Most classrooms."""
    most_each: int = Field(default=32, ge=1)
    """Most classrooms of one client."""
    theorems: int = Field(default=32, ge=1, le=1024)
    """Most theorems of a classroom."""
    theorem_bytes: int = Field(default=256 << 10, ge=1)
    """Most that they take together, with contexts and the teacher's proofs, in bytes."""
    learners: int = Field(default=100, ge=1)
    """Most learners of a classroom."""
    proof_bytes: int = Field(default=16 << 10, ge=1)
    """Longest proof that a learner may send, in UTF-8 bytes."""
    keep_days: float = Field(default=90.0, gt=0, le=3650)
    """How long a classroom lasts at most; then it is deleted with its learners and all that they wrote."""
