"""Alembic's entry point: migrates in the connection and transaction that `prover.store.schema` opened."""

from alembic import context

from prover.store.tables import VERSION_TABLE, Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    version_table=VERSION_TABLE,
)
context.run_migrations()
