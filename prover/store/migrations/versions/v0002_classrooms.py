"""Creates the tables of classrooms, learners and their attempts."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "leansieve_classrooms",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("theorems", sa.Text(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("expires", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_leansieve_classrooms")),
        sa.UniqueConstraint("code", name=op.f("uq_leansieve_classrooms_code")),
    )
    op.create_index(op.f("ix_leansieve_classrooms_expires"), "leansieve_classrooms", ["expires"], unique=False)
    op.create_index(op.f("ix_leansieve_classrooms_owner"), "leansieve_classrooms", ["owner"], unique=False)
    op.create_table(
        "leansieve_learners",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("classroom", sa.String(length=32), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("joined", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["classroom"],
            ["leansieve_classrooms.id"],
            name=op.f("fk_leansieve_learners_classroom"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_leansieve_learners")),
        sa.UniqueConstraint("key", name=op.f("uq_leansieve_learners_key")),
    )
    op.create_index("leansieve_learners_by_time", "leansieve_learners", ["classroom", "joined", "id"], unique=False)
    op.create_table(
        "leansieve_attempts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("learner", sa.String(length=16), nullable=False),
        sa.Column("theorem", sa.String(length=64), nullable=False),
        sa.Column("proof", sa.Text(), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("open_goals", sa.Integer(), nullable=False),
        sa.Column("goal", sa.Text(), nullable=False),
        sa.Column("fault", sa.Text(), nullable=False),
        sa.Column("hints", sa.Text(), nullable=False),
        sa.Column("hint_count", sa.Integer(), nullable=False),
        sa.Column("begun", sa.Double(), nullable=False),
        sa.Column("asked", sa.Double(), nullable=False),
        sa.Column("moved", sa.Double(), nullable=False),
        sa.Column("finished", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(
            ["learner"], ["leansieve_learners.id"], name=op.f("fk_leansieve_attempts_learner"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_leansieve_attempts")),
        sa.UniqueConstraint("learner", "theorem", name=op.f("uq_leansieve_attempts_learner")),
    )
