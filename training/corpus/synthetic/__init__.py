"""A seeded generator of theorems in core Lean, by family; true by construction or checked by brute force."""
