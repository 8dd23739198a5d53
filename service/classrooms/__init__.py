"""Classrooms: several learners at once with individual hints, and a teacher who sees their progress."""
