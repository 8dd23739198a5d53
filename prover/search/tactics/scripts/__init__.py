"""Proofs as text: partial, cut where they fail, laid out."""
