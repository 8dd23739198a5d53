"""The tables of a database. Any change needs a new file in `migrations/versions`, named by `SCHEMA`.

Times are seconds since the epoch, sizes are bytes, hashes SHA-256 in hexadecimal.
"""

from sqlalchemy import BigInteger, Double, ForeignKey, Index, Integer, MetaData, String, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

SCHEMA = "0002"
"""The newest migration. Revisions are four-digit numbers, so that their order is that of the numbers."""
VERSION_TABLE = "leansieve_schema"

_Id = BigInteger().with_variant(Integer, "sqlite")  # SQLite auto-increments only INTEGER


class Base(DeclarativeBase):
    """Metadata with which Alembic compares a database."""

    # Named constraints, so that later migrations can drop them.
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_name)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class ProofRow(Base):
    """A verified proof: its receipt, and the keys to find it."""

    __tablename__ = "leansieve_proofs"
    __table_args__ = (UniqueConstraint("theorem", "proof"),)

    id: Mapped[int] = mapped_column(_Id, primary_key=True)
    theorem: Mapped[str] = mapped_column(String(64))
    """`keys.proof_key`."""
    proof: Mapped[str] = mapped_column(String(64))
    """Hash of the normalised proof: equal proofs are stored once."""
    policy: Mapped[str] = mapped_column(String(64))
    """`keys.policy_key`: proofs checked under the requested policy are tried first."""
    name: Mapped[str] = mapped_column(Text)
    """Full name of the theorem, for display."""
    receipt: Mapped[str] = mapped_column(Text)
    """JSON of `prover.receipts.receipt.Receipt`."""
    size: Mapped[int] = mapped_column(BigInteger)
    """Size of the receipt in bytes."""
    check_ms: Mapped[float] = mapped_column(Double)
    """Duration of its last check in milliseconds."""
    created: Mapped[float] = mapped_column(Double)
    used: Mapped[float] = mapped_column(Double, index=True)
    """Time when it was last found or served; the least recently used are deleted first."""
    hits: Mapped[int] = mapped_column(Integer, default=0)
    """Number of times it was served."""


class FailureRow(Base):
    """A search that found fewer proofs than requested, with its budget."""

    __tablename__ = "leansieve_failures"
    __table_args__ = (Index("leansieve_failures_by_search", "theorem", "effort"),)

    id: Mapped[int] = mapped_column(_Id, primary_key=True)
    theorem: Mapped[str] = mapped_column(String(64))
    """`keys.failure_key`."""
    effort: Mapped[str] = mapped_column(String(64))
    """Hash of the search's options: samplers, limits, policy."""
    model: Mapped[str] = mapped_column(Text)
    """Description of the search for display."""
    samples: Mapped[int] = mapped_column(BigInteger)
    checks: Mapped[int | None] = mapped_column(BigInteger)
    """None: unlimited."""
    seconds: Mapped[float] = mapped_column(Double)
    found: Mapped[int] = mapped_column(Integer)
    """Number of proofs found."""
    sampled: Mapped[int] = mapped_column(BigInteger)
    """Spent part of `samples`; `checked` and `elapsed` likewise."""
    checked: Mapped[int] = mapped_column(BigInteger)
    elapsed: Mapped[float] = mapped_column(Double)
    created: Mapped[float] = mapped_column(Double, index=True)


class BatchRow(Base):
    """A batch. The table's name is from earlier versions, which called it a job."""

    __tablename__ = "leansieve_jobs"
    __table_args__ = (UniqueConstraint("owner", "key"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    owner: Mapped[str] = mapped_column(Text)
    key: Mapped[str | None] = mapped_column(Text)
    """Idempotency key; None: none was given."""
    digest: Mapped[str] = mapped_column(String(64))
    """Hash of the submission: distinguishes a repetition from another submission under the same key."""
    label: Mapped[str] = mapped_column(Text)
    options: Mapped[str] = mapped_column(Text)
    """JSON, opaque to the store."""
    total: Mapped[int] = mapped_column(Integer)
    answered: Mapped[int] = mapped_column(Integer, default=0)
    created: Mapped[float] = mapped_column(Double)
    cancelled: Mapped[float | None] = mapped_column(Double)
    finished: Mapped[float | None] = mapped_column(Double, index=True)


class ItemRow(Base):
    """An item of a batch. States: `waiting` → `running` (under a lease) → `answered`, or `cancelled`."""

    __tablename__ = "leansieve_items"
    __table_args__ = (
        UniqueConstraint("batch", "position"),
        Index("leansieve_items_by_state", "batch", "state", "id"),
        Index("leansieve_items_by_lease", "lease"),
    )

    id: Mapped[int] = mapped_column(_Id, primary_key=True)
    batch: Mapped[str] = mapped_column("job", ForeignKey("leansieve_jobs.id", ondelete="CASCADE"), key="batch")
    name: Mapped[str] = mapped_column(Text)
    """The client's name for the item."""
    request: Mapped[str] = mapped_column(Text)
    """JSON, opaque to the store; `answer` likewise."""
    state: Mapped[str] = mapped_column(String(12), default="waiting")
    attempt: Mapped[int] = mapped_column(Integer, default=0)
    """Number of attempts; the lease's fencing token."""
    lease: Mapped[str | None] = mapped_column(String(32))
    """Name of the server that works on it."""
    lease_until: Mapped[float | None] = mapped_column(Double)
    """Time from which other servers may take it."""
    answer: Mapped[str | None] = mapped_column(Text)
    position: Mapped[int | None] = mapped_column(Integer)
    """Position of its answer in the batch, from 1."""


class ClassroomRow(Base):
    """A classroom: theorems that a teacher has opened to learners."""

    __tablename__ = "leansieve_classrooms"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    owner: Mapped[str] = mapped_column(Text, index=True)
    code: Mapped[str] = mapped_column(String(32), unique=True)
    """Code with which learners join."""
    label: Mapped[str] = mapped_column(Text)
    theorems: Mapped[str] = mapped_column(Text)
    """JSON, opaque to the store."""
    created: Mapped[float] = mapped_column(Double)
    expires: Mapped[float] = mapped_column(Double, index=True)


class LearnerRow(Base):
    """A learner in a classroom."""

    __tablename__ = "leansieve_learners"
    __table_args__ = (Index("leansieve_learners_by_time", "classroom", "joined", "id"),)

    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    classroom: Mapped[str] = mapped_column(ForeignKey("leansieve_classrooms.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(64), unique=True)
    """Hash of the learner's secret key."""
    name: Mapped[str] = mapped_column(Text)
    """Name chosen by the learner."""
    joined: Mapped[float] = mapped_column(Double)


class AttemptRow(Base):
    """A learner's attempt at a theorem, and its result."""

    __tablename__ = "leansieve_attempts"
    __table_args__ = (UniqueConstraint("learner", "theorem"),)

    id: Mapped[int] = mapped_column(_Id, primary_key=True)
    learner: Mapped[str] = mapped_column(ForeignKey("leansieve_learners.id", ondelete="CASCADE"))
    theorem: Mapped[str] = mapped_column(String(64))
    """The teacher's name of the theorem."""
    proof: Mapped[str] = mapped_column(Text)
    turn: Mapped[int] = mapped_column(Integer, default=0)
    """Number of submissions of `proof`: an answer to an earlier one is outdated."""
    outcome: Mapped[str] = mapped_column(String(16))
    """Outcome of the last answer; empty before the first. `open_goals`, `goal` and `fault` belong to it, too."""
    open_goals: Mapped[int] = mapped_column(Integer)
    goal: Mapped[str] = mapped_column(Text)
    fault: Mapped[str] = mapped_column(Text)
    hints: Mapped[str] = mapped_column(Text)
    """JSON of the last hints given: pairs of level and step."""
    hint_count: Mapped[int] = mapped_column(Integer)
    begun: Mapped[float] = mapped_column(Double)
    asked: Mapped[float] = mapped_column(Double)
    moved: Mapped[float] = mapped_column(Double)
    """Time since which `goal` has been unchanged."""
    finished: Mapped[float | None] = mapped_column(Double)
    """Time when the kernel first accepted the proof."""
