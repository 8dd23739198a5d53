"""Seed proofs: several different verified proofs per theorem, so that a base model starts with diversity."""
