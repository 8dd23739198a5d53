"""Creates the tables of proofs, failures, jobs and their items."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables."""
    _create_failures()
    _create_jobs()
    _create_proofs()
    _create_items()


def _create_failures() -> None:
    op.create_table(
        "leansieve_failures",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("theorem", sa.String(length=64), nullable=False),
        sa.Column("effort", sa.String(length=64), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("samples", sa.BigInteger(), nullable=False),
        sa.Column("checks", sa.BigInteger(), nullable=True),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("found", sa.Integer(), nullable=False),
        sa.Column("sampled", sa.BigInteger(), nullable=False),
        sa.Column("checked", sa.BigInteger(), nullable=False),
        sa.Column("elapsed", sa.Double(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_leansieve_failures")),
    )
    op.create_index(op.f("ix_leansieve_failures_created"), "leansieve_failures", ["created"], unique=False)
    op.create_index("leansieve_failures_by_search", "leansieve_failures", ["theorem", "effort"], unique=False)


def _create_jobs() -> None:
    op.create_table(
        "leansieve_jobs",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("options", sa.Text(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("answered", sa.Integer(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("cancelled", sa.Double(), nullable=True),
        sa.Column("finished", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_leansieve_jobs")),
        sa.UniqueConstraint("owner", "key", name=op.f("uq_leansieve_jobs_owner")),
    )
    op.create_index(op.f("ix_leansieve_jobs_finished"), "leansieve_jobs", ["finished"], unique=False)


def _create_proofs() -> None:
    op.create_table(
        "leansieve_proofs",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("theorem", sa.String(length=64), nullable=False),
        sa.Column("proof", sa.String(length=64), nullable=False),
        sa.Column("policy", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("receipt", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("check_ms", sa.Double(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("used", sa.Double(), nullable=False),
        sa.Column("hits", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_leansieve_proofs")),
        sa.UniqueConstraint("theorem", "proof", name=op.f("uq_leansieve_proofs_theorem")),
    )
    op.create_index(op.f("ix_leansieve_proofs_used"), "leansieve_proofs", ["used"], unique=False)


def _create_items() -> None:
    op.create_table(
        "leansieve_items",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("job", sa.String(length=32), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("lease", sa.String(length=32), nullable=True),
        sa.Column("lease_until", sa.Double(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["job"], ["leansieve_jobs.id"], name=op.f("fk_leansieve_items_job"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_leansieve_items")),
        sa.UniqueConstraint("job", "position", name=op.f("uq_leansieve_items_job")),
    )
    op.create_index("leansieve_items_by_lease", "leansieve_items", ["lease"], unique=False)
    op.create_index("leansieve_items_by_state", "leansieve_items", ["job", "state", "id"], unique=False)
