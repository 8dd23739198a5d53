"""Proofs by plans that analyse the numbers of a statement before asking Lean."""
