"""Learning from pairs of which one answer is preferred."""
