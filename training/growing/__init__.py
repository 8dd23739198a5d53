"""A self-improving prover: rounds in which it makes theorems, solves them, and learns from its answers."""
