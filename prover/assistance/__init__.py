"""Assistance at a place in a file or a proof: tactics that work there, and proofs for holes."""
