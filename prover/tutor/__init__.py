"""A Socratic tutor: gives hints on a learner's own partial proof, each checked by Lean."""
