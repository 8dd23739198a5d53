"""The tables. They change only together with a new file in `migrations/versions`, which `SCHEMA` names.

Times are seconds since the epoch, sizes are bytes, hashes SHA-256 in hexadecimal.
"""

from sqlalchemy import BigInteger, Double, ForeignKey, Index, Integer, MetaData, String, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

SCHEMA = "0002"
"""The newest migration. Revisions are numbers of four digits, so that a newer one is a larger one."""
VERSION_TABLE = "leansieve_schema"

_Id = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up INTEGER alone


class Base(DeclarativeBase):
    """What Alembic compares a database with."""

    # Names for what later migrations may want to drop.
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_name)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class ProofRow(Base):
    """A verified proof: the receipt, and what it is found by."""

    __tablename__ = "leansieve_proofs"
    __table_args__ = (UniqueConstraint("theorem", "proof"),)

    id: Mapped[int] = mapped_column(_Id, primary_key=True)
    theorem: Mapped[str] = mapped_column(String(64))
    """`keys.proof_key`."""
    proof: Mapped[str] = mapped_column(String(64))
    """Hash of the normalised proof: two that are the same are kept once."""
    policy: Mapped[str] = mapped_column(String(64))
    """`keys.policy_key`: proofs that were checked under the policy that is asked for are tried first."""
    name: Mapped[str] = mapped_column(Text)
    """Full name of the theorem, for people."""
    receipt: Mapped[str] = mapped_column(Text)
    """JSON of `prover.receipts.receipt.Receipt`."""
    size: Mapped[int] = mapped_column(BigInteger)
    """Size of the receipt in bytes."""
    check_ms: Mapped[float] = mapped_column(Double)
    """What its last check took."""
    created: Mapped[float] = mapped_column(Double)
    used: Mapped[float] = mapped_column(Double, index=True)
    """When it was last found or served; the least recently used go first."""
    hits: Mapped[int] = mapped_column(Integer, default=0)
    """How often it was served."""


class FailureRow(Base):
    """A search that found fewer proofs than were wanted, with the budget that it had."""

    __tablename__ = "leansieve_failures"
    __table_args__ = (Index("leansieve_failures_by_search", "theorem", "effort"),)

    id: Mapped[int] = mapped_column(_Id, primary_key=True)
    theorem: Mapped[str] = mapped_column(String(64))
    """`keys.failure_key`."""
    effort: Mapped[str] = mapped_column(String(64))
    """Hash of how it was searched: samplers, limits, policy."""
    model: Mapped[str] = mapped_column(Text)
    """The same for people."""
    samples: Mapped[int] = mapped_column(BigInteger)
    checks: Mapped[int | None] = mapped_column(BigInteger)
    """None: no bound."""
    seconds: Mapped[float] = mapped_column(Double)
    found: Mapped[int] = mapped_column(Integer)
    """Proofs found."""
    sampled: Mapped[int] = mapped_column(BigInteger)
    """What of `samples` was spent; so `checked` and `elapsed`."""
    checked: Mapped[int] = mapped_column(BigInteger)
    elapsed: Mapped[float] = mapped_column(Double)
    created: Mapped[float] = mapped_column(Double, index=True)


class BatchRow(Base):
    """A batch. Databases of earlier versions call it a job: the names of the tables stay."""

    __tablename__ = "leansieve_jobs"
    __table_args__ = (UniqueConstraint("owner", "key"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    owner: Mapped[str] = mapped_column(Text)
    key: Mapped[str | None] = mapped_column(Text)
    """Idempotency key; None: none was given."""
    digest: Mapped[str] = mapped_column(String(64))
    """Hash of all that was submitted: tells a repeated submission from another one under the same key."""
    label: Mapped[str] = mapped_column(Text)
    options: Mapped[str] = mapped_column(Text)
    """JSON; the store does not look inside."""
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
    """The client's."""
    request: Mapped[str] = mapped_column(Text)
    """JSON; the store does not look inside. So `answer`."""
    state: Mapped[str] = mapped_column(String(12), default="waiting")
    attempt: Mapped[int] = mapped_column(Integer, default=0)
    """How often it was begun; the lease's fencing token."""
    lease: Mapped[str | None] = mapped_column(String(32))
    """Which server works on it."""
    lease_until: Mapped[float | None] = mapped_column(Double)
    """From then on others may take it."""
    answer: Mapped[str | None] = mapped_column(Text)
    position: Mapped[int | None] = mapped_column(Integer)
    """Position of the answer among those of the batch, from 1."""


class ClassroomRow(Base):
    """Theorems that a teacher has opened to learners."""

    __tablename__ = "leansieve_classrooms"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    owner: Mapped[str] = mapped_column(Text, index=True)
    code: Mapped[str] = mapped_column(String(32), unique=True)
    """With which learners join."""
    label: Mapped[str] = mapped_column(Text)
    theorems: Mapped[str] = mapped_column(Text)
    """JSON; the store does not look inside."""
    created: Mapped[float] = mapped_column(Double)
    expires: Mapped[float] = mapped_column(Double, index=True)


class LearnerRow(Base):
    """One who has joined a classroom."""

    __tablename__ = "leansieve_learners"
    __table_args__ = (Index("leansieve_learners_by_time", "classroom", "joined", "id"),)

    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    classroom: Mapped[str] = mapped_column(ForeignKey("leansieve_classrooms.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(64), unique=True)
    """Hash of the secret by which the learner is known."""
    name: Mapped[str] = mapped_column(Text)
    """Of the learner's choice."""
    joined: Mapped[float] = mapped_column(Double)


class AttemptRow(Base):
    """What a learner has written of a theorem, and what came of it."""

    __tablename__ = "leansieve_attempts"
    __table_args__ = (UniqueConstraint("learner", "theorem"),)

    id: Mapped[int] = mapped_column(_Id, primary_key=True)
    learner: Mapped[str] = mapped_column(ForeignKey("leansieve_learners.id", ondelete="CASCADE"))
    theorem: Mapped[str] = mapped_column(String(64))
    """The teacher's name for it."""
    proof: Mapped[str] = mapped_column(Text)
    turn: Mapped[int] = mapped_column(Integer, default=0)
    """How often `proof` was sent: an answer about an earlier one comes too late."""
    outcome: Mapped[str] = mapped_column(String(16))
    """Of the last answer; empty before the first. So `open_goals`, `goal` and `fault`."""
    open_goals: Mapped[int] = mapped_column(Integer)
    goal: Mapped[str] = mapped_column(Text)
    fault: Mapped[str] = mapped_column(Text)
    hints: Mapped[str] = mapped_column(Text)
    """JSON of the last hints that were given: pairs of their levels and steps."""
    hint_count: Mapped[int] = mapped_column(Integer)
    begun: Mapped[float] = mapped_column(Double)
    asked: Mapped[float] = mapped_column(Double)
    moved: Mapped[float] = mapped_column(Double)
    """Since when `goal` is what it is."""
    finished: Mapped[float | None] = mapped_column(Double)
    """When the kernel first accepted the proof."""
