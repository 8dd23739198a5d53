"""What outlives a process: verified proofs, failures with their budgets, and batch jobs, in SQLite or PostgreSQL."""
