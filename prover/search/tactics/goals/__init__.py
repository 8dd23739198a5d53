"""Reads goals and what is known of a theorem, as text."""
