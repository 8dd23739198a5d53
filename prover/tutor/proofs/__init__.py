"""Proofs in the tutor: partial proofs of learners, and verified proofs that continue them."""
