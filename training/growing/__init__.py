"""A prover that feeds itself: rounds in which it makes theorems, solves them, and learns from its answers."""
