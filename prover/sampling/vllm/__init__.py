"""Models that vLLM serves from child processes: engines, the fleet that holds them, and their sampler."""
