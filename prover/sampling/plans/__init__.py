"""Proofs by a plan that looks at the numbers of a statement before Lean is asked."""
