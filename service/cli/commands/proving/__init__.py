"""Commands that search for proofs and check them."""
