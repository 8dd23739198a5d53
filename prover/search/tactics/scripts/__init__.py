"""Proofs as text: partial proofs, removal of failing parts, layout."""
