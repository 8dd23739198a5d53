"""Samples proofs with vLLM, and checks them with Lean while sampling continues."""
