"""A model that learns from its own failures: it diagnoses and mends proofs that Lean refuses, and prefers what came of it (SCRPO)."""
