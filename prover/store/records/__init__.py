"""What is kept: proofs, failures, and batches with their items."""
