"""Proof search: strategies propose candidates within a budget, the checker decides, and proofs are handed on as they come."""
