"""Simulated learners, sessions with them, and a tutor's policy that learns from these."""
