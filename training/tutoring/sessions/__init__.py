"""Sessions of simulated learners with the tutor: their course, their records, and the answers of Lean and the tutor."""
