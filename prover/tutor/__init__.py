"""A Socratic tutor: hints for a learner's own half proof, each of which Lean has checked."""
