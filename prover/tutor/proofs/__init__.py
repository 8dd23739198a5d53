"""Proofs as a tutor reads them: half proofs of learners, and verified proofs that go on from them."""
