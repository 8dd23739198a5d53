"""Proof terms: witnesses, applications, and the arithmetic that finds them."""
