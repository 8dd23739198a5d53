"""What outlives a process: verified proofs, failures with their budgets, and batches, in SQLite or PostgreSQL."""
