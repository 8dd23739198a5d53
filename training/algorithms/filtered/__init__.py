"""Towards the base model filtered by the verifier."""
