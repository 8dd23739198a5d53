"""A seeded generator of theorems in core Lean, by family; they are true by construction or checked by brute force."""
