"""Reads goals, and facts about a theorem, as text."""
