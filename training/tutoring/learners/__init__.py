"""Simulated learners: their knowledge, and their typical mistakes."""
