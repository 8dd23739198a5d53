"""Sessions of simulated learners with the tutor: how one goes, what it leaves, and what Lean and the tutor say in it."""
