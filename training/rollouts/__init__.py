"""Samples of theorems' proofs by vLLM, checked by Lean while further ones are sampled."""
