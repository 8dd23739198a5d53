"""Persistent storage of verified proofs, failures with their budgets, and batches, in SQLite or PostgreSQL."""
