"""Receipts of verified proofs, and the same as projects for `leanprover/comparator`."""
