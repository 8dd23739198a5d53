"""Alembic migrations, which `prover.store.schema` runs when a database is opened."""
