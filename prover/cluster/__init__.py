"""Shared parts of the Ray cluster clients: Lean's workers and the models' replicas."""
