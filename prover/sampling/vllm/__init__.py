"""Models that vLLM serves from processes of this one: engines, the fleet that holds them, and their sampler."""
