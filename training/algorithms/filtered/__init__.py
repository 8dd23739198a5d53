"""Algorithms whose target is the base model filtered by the verifier."""
