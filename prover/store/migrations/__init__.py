"""Alembic's migrations: `prover.store.schema` runs them when a database is opened."""
