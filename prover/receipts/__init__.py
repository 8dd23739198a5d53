"""Receipts of verified proofs, and their conversion to projects for `leanprover/comparator`."""
