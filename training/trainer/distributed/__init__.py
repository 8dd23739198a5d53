"""A training run in several processes: their communication, and sharding of a model."""
