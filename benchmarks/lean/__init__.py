"""Costs of Lean workers: checks, memory, start-up, trust."""
