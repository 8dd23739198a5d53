"""Reads goals as Lean prints them, and proposes tactics by rule."""
