"""Proof search: strategies propose candidates within a budget, the checker decides, and proofs are reported as they are
found.
"""
