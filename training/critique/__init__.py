"""A model that learns from its own failures: it diagnoses and repairs proofs that Lean rejects, and learns preferences
from the results (SCRPO).
"""
