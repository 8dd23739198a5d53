"""Policy gradients with a baseline, without ratio or clip."""
