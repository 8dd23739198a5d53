"""Simulated learners: what each knows, and which faults each makes."""
