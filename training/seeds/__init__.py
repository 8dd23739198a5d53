"""Seed proofs: several different verified proofs a theorem, so that a base model has diversity to keep."""
