"""Measures of sampled proofs: pass@k, difficulty, diversity, and their confidence."""
