"""Rules that turn a goal into smaller goals."""
