"""Stored records: proofs, failures, and batches with their items."""
