"""Reads goals as Lean prints them, and proposes tactics for them by rule."""
