"""Classrooms: several learners at once, each with hints of their own, and a teacher who sees how far they have come."""
