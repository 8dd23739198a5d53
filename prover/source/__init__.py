"""Lean source parsed without Lean: tokens, binders, bound names, and the theorems and holes of a file."""
