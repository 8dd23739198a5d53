"""What a call does, whichever carrier brought it: engine, names, admission, quotas, and remembered proofs."""
